// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// The threads and processes of one step, known from the moment the kernel makes them: none runs before it is here.
/// Guarded by the step's one lock, <see cref="Gate"/>.
/// </summary>
internal sealed class TraceeTable(FakeIdentity initial) : IIdentityTable
{
    private const ulong CloneVm = 0x100;
    private const ulong CloneFs = 0x200;
    private const ulong CloneThread = 0x10000;

    private readonly Dictionary<int, Tracee> _threads = [];
    private readonly Dictionary<int, TracedProcess> _processes = [];
    private Tracee? _last;

    /// <summary>The lock.</summary>
    public Lock Gate { get; } = new();

    /// <summary>All processes.</summary>
    public IReadOnlyCollection<TracedProcess> Processes => _processes.Values;

    /// <summary>How many threads there are.</summary>
    public int Count => _threads.Count;

    /// <inheritdoc/>
    public FakeIdentity Initial => initial;

    /// <inheritdoc/>
    public bool IsTrivial => false;

    /// <summary>A thread, or null when it is none of the step's.</summary>
    public Tracee? FindThread(int threadId) => _threads.GetValueOrDefault(threadId);

    /// <summary>A process, or null when it is none of the step's.</summary>
    public TracedProcess? FindProcess(int id) => _processes.GetValueOrDefault(id);

    /// <inheritdoc/>
    public FakeIdentity Find(int threadId) => FindThread(threadId)?.Process.Identity ?? initial;

    /// <inheritdoc/>
    public void Set(int threadId, FakeIdentity identity)
    {
        if (FindThread(threadId) is { } thread)
        {
            thread.Process.Identity = identity;
        }
    }

    /// <summary>The step's first process.</summary>
    public Tracee AddFirst(int id, HeldDirectory workingDirectory)
    {
        var process = new TracedProcess(id, initial, "/"u8.ToArray(), new AddressSpace());
        return Add(new Tracee(id, process, new FileContext(workingDirectory)));
    }

    /// <summary>What a thread has made with clone(2): its flags say what both share.</summary>
    public Tracee AddChild(Tracee parent, int threadId, ulong flags)
    {
        AddressSpace memory = parent.Process.Memory;
        FileContext files = parent.Files;
        if ((flags & CloneFs) != 0)
        {
            files.Users++;
        }
        else
        {
            files = files.Fork();
        }

        if ((flags & CloneVm) != 0)
        {
            memory.Users++;
        }
        else
        {
            memory = memory.Fork();
        }

        TracedProcess process = (flags & CloneThread) != 0
            ? parent.Process
            : new TracedProcess(threadId, parent.Process.Identity, parent.Process.Executable, memory);
        return Add(new Tracee(threadId, process, files));
    }

    /// <summary>A thread has ended.</summary>
    public void Remove(int threadId)
    {
        if (!_threads.Remove(threadId, out Tracee? thread))
        {
            return;
        }

        thread.Process.Memory.Users--;
        if (--thread.Process.ThreadCount > 0)
        {
            Leave(thread.Files);
            return;
        }

        _processes.Remove(thread.Process.Id);
        ForgetLast();
        _last = thread;
    }

    /// <summary>
    /// Adds a process whose maker was killed before it could report it: a copy of the process that has ended last.
    /// </summary>
    /// <returns>False when nothing is known that it could be a copy of.</returns>
    public bool TryAddOrphan(int threadId)
    {
        if ((_last ?? _threads.Values.FirstOrDefault()) is not { } maker)
        {
            return false;
        }

        AddChild(maker, threadId, flags: 0);
        return true;
    }

    /// <summary>A thread has executed a programme: it is its process's only one and has memory of its own.</summary>
    public Tracee? Execute(int processId, int formerThreadId, ChangedCall? call)
    {
        if (FindThread(formerThreadId) is not { } thread)
        {
            return null;
        }

        foreach (Tracee other in _threads.Values.Where(t => t.Process == thread.Process && t != thread).ToArray())
        {
            Remove(other.ThreadId);
        }

        _threads.Remove(formerThreadId);
        thread.ThreadId = processId;
        _threads[processId] = thread;
        thread.Process.Memory.Users--;
        thread.Process.Memory = new AddressSpace();
        thread.Process.Executable = call?.Executable ?? thread.Process.Executable;
        thread.Process.Identity = call?.Identity ?? thread.Process.Identity;
        return thread;
    }

    /// <summary>Lets go of what is held.</summary>
    public void Clear()
    {
        foreach (int threadId in _threads.Keys.ToArray())
        {
            Remove(threadId);
        }

        ForgetLast();
    }

    private static void Leave(FileContext files)
    {
        if (--files.Users == 0)
        {
            files.WorkingDirectory.Release();
        }
    }

    private void ForgetLast()
    {
        if (_last is { } last)
        {
            Leave(last.Files);
            _last = null;
        }
    }

    private Tracee Add(Tracee thread)
    {
        _threads[thread.ThreadId] = thread;
        _processes[thread.Process.Id] = thread.Process;
        thread.Process.ThreadCount++;
        return thread;
    }
}

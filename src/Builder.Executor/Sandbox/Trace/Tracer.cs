// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Traces the processes of one step, all from one thread: ptrace(2) is bound to it. It learns of every new process before
/// that runs, changes the calls that only the process itself can make, and kills what is left when the first process has
/// ended: nothing outlives a step. If this process dies, the kernel kills them all.
/// </summary>
internal sealed unsafe class Tracer
{
    private const int NotThreadsOfOthers = 0x20000000; // __WNOTHREAD: other children are waited for elsewhere
    private const int SignalTrap = 5;
    private const int CallStop = SignalTrap | 0x80; // PTRACE_O_TRACESYSGOOD
    private const int StoppedMark = 0x7F;
    private const int MakerPatienceMilliseconds = 500;

    private readonly TraceeTable _table;
    private readonly CallChanger _changer;
    private readonly Func<HeldDirectory> _openStart;
    private readonly Dictionary<int, long> _early = [];
    private readonly TaskCompletionSource _seized = new();
    private readonly Thread _thread;
    private int _first;
    private Errno _failure;
    private bool _isEnding;
    private ExitStatus? _status;

    /// <summary>Creates a tracer.</summary>
    /// <param name="table">The step's processes.</param>
    /// <param name="changer">Changes calls.</param>
    /// <param name="openStart">Gives the working directory of the first process.</param>
    public Tracer(TraceeTable table, CallChanger changer, Func<HeldDirectory> openStart)
    {
        _table = table;
        _changer = changer;
        _openStart = openStart;
        _thread = new Thread(Run) { IsBackground = true, Name = "tracer" };
    }

    /// <summary>How the first process ended; known once <see cref="Join"/> has returned.</summary>
    public ExitStatus? Status => _status;

    /// <summary>Called on the tracer's thread when all processes have ended.</summary>
    public Action? Ended { get; set; }

    /// <summary>Becomes the tracer of a child that waits to be let go.</summary>
    /// <exception cref="SandboxException">The kernel refuses.</exception>
    public void Seize(int pid)
    {
        _first = pid;
        _thread.Start();
        _seized.Task.Wait();
        if (_failure != Errno.None)
        {
            // Its parent is this process still.
            _ = Libc.Kill(pid, Libc.SigKill);
            _ = Libc.Wait4(pid, null, Libc.WaitAll, null);
            throw new SandboxException("trace the command", "ptrace", _failure);
        }
    }

    /// <summary>Waits until all processes have ended.</summary>
    public void Join()
    {
        if (_first != 0)
        {
            _thread.Join();
        }
    }

    private void Run()
    {
        _failure = Ptrace.Seize(_first);
        if (_failure == Errno.None)
        {
            lock (_table.Gate)
            {
                _table.AddFirst(_first, _openStart());
            }
        }

        _seized.SetResult();
        if (_failure == Errno.None)
        {
            Follow();
        }

        lock (_table.Gate)
        {
            _table.Clear();
        }

        Ended?.Invoke();
    }

    private void Follow()
    {
        var pause = new SpinWait();
        while (true)
        {
            int status;
            int options = Libc.WaitAll | NotThreadsOfOthers | (_early.Count > 0 ? Libc.WaitNoHang : 0);
            int tid = Libc.Wait4(-1, &status, options, null);
            if (tid == 0)
            {
                AwaitMakers();
                pause.SpinOnce();
                continue;
            }

            pause.Reset();

            if (tid < 0)
            {
                if (Libc.LastErrno == Errno.EINTR)
                {
                    continue;
                }

                return; // ECHILD: all have ended
            }

            lock (_table.Gate)
            {
                if ((status & 0xFF) == StoppedMark)
                {
                    OnStop(tid, status >> 8 & 0xFF, status >> 16);
                }
                else
                {
                    OnEnd(tid, status);
                }
            }
        }
    }

    // A new process is reported by its maker at once, unless that was killed meanwhile: then nobody would let it go on.
    private void AwaitMakers()
    {
        lock (_table.Gate)
        {
            foreach ((int tid, long since) in _early)
            {
                if (Environment.TickCount64 - since > MakerPatienceMilliseconds && _table.TryAddOrphan(tid))
                {
                    _early.Remove(tid);
                    Ptrace.Continue(tid);
                }
            }
        }
    }

    private void OnEnd(int tid, int status)
    {
        _early.Remove(tid);
        if (_table.FindThread(tid)?.Changed is { } changed)
        {
            _changer.GiveBack(changed);
        }

        _table.Remove(tid);
        if (tid == _first)
        {
            _status = ExitStatus.FromWaitStatus(status);
            _isEnding = true;
        }

        if (_isEnding)
        {
            KillAll();
        }
    }

    private void KillAll()
    {
        foreach (TracedProcess process in _table.Processes)
        {
            _ = Libc.Kill(process.Id, Libc.SigKill);
        }

        foreach (int tid in _early.Keys)
        {
            _ = Libc.Kill(tid, Libc.SigKill);
        }
    }

    private void OnStop(int tid, int signal, int eventNumber)
    {
        if (_table.FindThread(tid) is not { } thread)
        {
            // A new one whose maker has not reported yet, unless a thread has taken its process's number in execve(2).
            if (eventNumber != Ptrace.EventExec)
            {
                _early[tid] = Environment.TickCount64;
                if (_isEnding)
                {
                    KillAll();
                }

                return;
            }

            thread = null;
        }

        switch (eventNumber)
        {
            case Ptrace.EventFork or Ptrace.EventVfork or Ptrace.EventClone:
                OnNew(thread!);
                Ptrace.Continue(tid);
                return;
            case Ptrace.EventExec:
                OnExecuted(tid);
                Ptrace.Continue(tid);
                return;
            case Ptrace.EventSeccomp:
                OnCall(thread!);
                return;
            case Ptrace.EventStop:
                if (signal == SignalTrap)
                {
                    Ptrace.Continue(tid);
                }
                else
                {
                    Ptrace.Listen(tid); // stopped by a signal, until SIGCONT
                }

                return;
            default:
                if (signal == CallStop)
                {
                    OnResult(thread!);
                }
                else
                {
                    Resume(thread!, signal);
                }

                return;
        }
    }

    // A signal that arrives before a changed call is done: its end must still be seen.
    private static void Resume(Tracee thread, int signal)
    {
        if (thread.Changed is null)
        {
            Ptrace.Continue(thread.ThreadId, signal);
        }
        else
        {
            Ptrace.ContinueToResult(thread.ThreadId, signal);
        }
    }

    private void OnNew(Tracee parent)
    {
        int tid = Ptrace.Message(parent.ThreadId);
        if (tid <= 0 || !Ptrace.TryGetRegisters(parent.ThreadId, out TraceRegisters registers))
        {
            return;
        }

        _table.AddChild(parent, tid, CallChanger.CloneFlags(registers));
        if (_early.Remove(tid))
        {
            Ptrace.Continue(tid);
        }

        if (_isEnding)
        {
            KillAll();
        }
    }

    private void OnExecuted(int processId)
    {
        int former = Ptrace.Message(processId);
        Tracee? thread = _table.FindThread(former);
        ChangedCall? changed = thread?.Changed;
        if (thread is not null)
        {
            thread.Changed = null;
        }

        if (changed is not null)
        {
            _changer.GiveBack(changed);
        }

        _table.Execute(processId, former, changed);
    }

    private void OnCall(Tracee thread)
    {
        if (!Ptrace.TryGetRegisters(thread.ThreadId, out TraceRegisters registers))
        {
            return;
        }

        TraceRegisters before = registers;
        if (_changer.Change(thread, ref registers) is not { } changed)
        {
            if (registers.OriginalRax != before.OriginalRax)
            {
                Ptrace.SetRegisters(thread.ThreadId, registers); // left out, with a result
            }

            Ptrace.Continue(thread.ThreadId);
            return;
        }

        thread.Changed = changed;
        Ptrace.SetRegisters(thread.ThreadId, registers);
        Ptrace.ContinueToResult(thread.ThreadId);
    }

    // Arguments are put back: programmes rely on registers, and a call that a signal interrupts is repeated with them.
    private void OnResult(Tracee thread)
    {
        if (thread.Changed is { } changed && Ptrace.TryGetRegisters(thread.ThreadId, out TraceRegisters now))
        {
            thread.Changed = null;
            Ptrace.SetRegisters(thread.ThreadId, CallChanger.After(thread, changed, now));
            _changer.GiveBack(changed);
        }

        Ptrace.Continue(thread.ThreadId);
    }
}

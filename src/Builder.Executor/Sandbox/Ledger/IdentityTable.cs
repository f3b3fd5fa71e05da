// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>
/// Identities by process. A process without an entry has the one of its parent, and at the top the container's own. An
/// entry is good while its pidfd says that the process lives. Used by the ledger's thread alone.
/// </summary>
internal sealed unsafe class IdentityTable(FakeIdentity initial) : IIdentityTable, IDisposable
{
    private const int SweepInterval = 256;

    private readonly Dictionary<int, (FakeIdentity Identity, SafeFileHandle Process)> _entries = [];
    private int _changes;

    /// <summary>True when everybody is the container's own user: nothing needs to be looked up.</summary>
    public bool IsTrivial => _entries.Count == 0;

    /// <summary>The identity that the container starts with.</summary>
    public FakeIdentity Initial => initial;

    /// <summary>The identity of a thread's process.</summary>
    public FakeIdentity Find(int threadId)
    {
        if (_entries.Count == 0)
        {
            return initial;
        }

        int pid = threadId;
        for (int generation = 0; generation < 64 && pid > 1; generation++)
        {
            if (_entries.TryGetValue(pid, out (FakeIdentity Identity, SafeFileHandle Process) entry) && IsAlive(pid))
            {
                return entry.Identity;
            }

            (int process, int parent) = ReadFamily(pid);
            if (process != pid && process > 0
                && _entries.TryGetValue(process, out entry) && IsAlive(process))
            {
                return entry.Identity;
            }

            pid = parent;
        }

        return initial;
    }

    /// <summary>Sets the identity of a thread's process.</summary>
    public void Set(int threadId, FakeIdentity identity)
    {
        (int process, _) = ReadFamily(threadId);
        process = process > 0 ? process : threadId;
        if (_entries.Remove(process, out (FakeIdentity Identity, SafeFileHandle Process) before))
        {
            before.Process.Dispose();
        }

        nint fd = Libc.SystemCall(Syscall.PidfdOpen.Number, process);
        if (fd >= 0)
        {
            _entries[process] = (identity, new SafeFileHandle(fd, ownsHandle: true));
        }

        if (++_changes % SweepInterval == 0)
        {
            foreach (int pid in _entries.Keys.ToArray())
            {
                IsAlive(pid);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((_, SafeFileHandle process) in _entries.Values)
        {
            process.Dispose();
        }

        _entries.Clear();
    }

    // Removes the entry of a process that has ended.
    private bool IsAlive(int pid)
    {
        SafeFileHandle process = _entries[pid].Process;
        var poll = new Libc.PollDescriptor { Fd = process.Number(), Events = Libc.PollIn };
        if (Libc.Poll(&poll, 1, 0) == 0)
        {
            return true;
        }

        process.Dispose();
        _entries.Remove(pid);
        return false;
    }

    private static (int Process, int Parent) ReadFamily(int threadId)
    {
        int process = 0;
        int parent = 0;
        try
        {
            foreach (string line in File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{threadId}/status")))
            {
                if (line.StartsWith("Tgid:", StringComparison.Ordinal))
                {
                    process = int.Parse(line.AsSpan(5).Trim(), CultureInfo.InvariantCulture);
                }
                else if (line.StartsWith("PPid:", StringComparison.Ordinal))
                {
                    parent = int.Parse(line.AsSpan(5).Trim(), CultureInfo.InvariantCulture);
                    break;
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It has ended.
        }

        return (process, parent);
    }
}

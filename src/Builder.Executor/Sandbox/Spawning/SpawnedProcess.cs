// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using Builder.Executor.Interop;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>A child that has executed its command. Whoever holds it must wait for it once.</summary>
internal sealed unsafe class SpawnedProcess : IDisposable
{
    private static readonly ConcurrentDictionary<int, SpawnedProcess> s_known = new();

    private readonly Lock _lock = new();
    private readonly bool _isPidfd;
    private readonly IProcessEnd? _end;
    private ExitStatus? _status;

    /// <summary>Takes over a child and its pidfd; null where the kernel has none.</summary>
    public SpawnedProcess(int pid, SafeFileHandle? pidfd, IProcessEnd? end = null)
    {
        Pid = pid;
        _isPidfd = pidfd is not null;
        Descriptor = pidfd ?? ChildEnd.Watch(pid);
        _end = end;
        s_known[pid] = this;
    }

    /// <summary>True for the id of a child that somebody here holds and has not reaped.</summary>
    public static bool IsKnown(int pid) => s_known.ContainsKey(pid);

    /// <summary>Its process id, as this process sees it.</summary>
    public int Pid { get; }

    /// <summary>Readable once it has ended.</summary>
    public SafeFileHandle Descriptor { get; }

    /// <summary>Readable once <see cref="TryGetStatus"/> knows how it ended.</summary>
    public SafeFileHandle EndDescriptor => _end?.Descriptor ?? Descriptor;

    /// <summary>Sends a signal; does nothing when it has ended.</summary>
    public void Kill(int signal)
    {
        lock (_lock)
        {
            if (_status is null)
            {
                // Until it is reaped its number is not given to another.
                _ = _isPidfd
                    ? Libc.SystemCall(Syscall.PidfdSendSignal.Number, Descriptor.DangerousGetHandle(), signal, 0, 0)
                    : Libc.Kill(Pid, signal);
            }
        }
    }

    /// <summary>Waits until it has ended and gives back how.</summary>
    public ExitStatus Wait()
    {
        _ = WaitFor(Timeout.Infinite);
        return TryGetStatus()!.Value;
    }

    /// <summary>Waits at most so long; false when it is still running.</summary>
    public bool WaitFor(int milliseconds)
    {
        long deadline = milliseconds < 0 ? long.MaxValue : Environment.TickCount64 + milliseconds;
        while (TryGetStatus() is null)
        {
            long left = deadline - Environment.TickCount64;
            if (left <= 0)
            {
                return false;
            }

            var poll = new Libc.PollDescriptor { Fd = (int)EndDescriptor.DangerousGetHandle(), Events = Libc.PollIn };
            _ = Libc.Poll(&poll, 1, milliseconds < 0 ? -1 : (int)Math.Min(left, int.MaxValue));
        }

        return true;
    }

    /// <summary>How it ended, or null while it is running; reaps it.</summary>
    public ExitStatus? TryGetStatus()
    {
        lock (_lock)
        {
            if (_status is not null)
            {
                return _status;
            }

            if (_end is not null)
            {
                _status = _end.Status;
                if (_status is not null)
                {
                    s_known.TryRemove(KeyValuePair.Create(Pid, this));
                }

                return _status;
            }

            int word;
            int result = Libc.Wait4(Pid, &word, Libc.WaitNoHang | Libc.WaitAll, null);
            if (result == Pid)
            {
                s_known.TryRemove(KeyValuePair.Create(Pid, this));
                _status = ExitStatus.FromWaitStatus(word);
            }
            else if (result < 0 && Libc.LastErrno != Errno.EINTR)
            {
                throw new LinuxException("wait4", Libc.LastErrno);
            }

            return _status;
        }
    }

    /// <summary>Kills it if it is still running, reaps it, closes the descriptor.</summary>
    public void Dispose()
    {
        if (!Descriptor.IsClosed)
        {
            Kill(Libc.SigKill);
            Wait();
            Descriptor.Dispose();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Running;

/// <summary>A running process that is not our child, held by its pidfd so that no other can take its place.</summary>
internal sealed unsafe class ProcessHandle : IDisposable
{
    private readonly SafeFileHandle _handle;

    private ProcessHandle(SafeFileHandle handle)
    {
        _handle = handle;
    }

    /// <summary>Takes hold of a process; null when it has ended.</summary>
    public static ProcessHandle? TryOpen(ProcessIdentity? identity)
    {
        if (identity is null)
        {
            return null;
        }

        nint fd = Libc.SystemCall(Syscall.PidfdOpen.Number, identity.Pid);
        if (fd < 0)
        {
            return null;
        }

        ProcessHandle handle = new(new SafeFileHandle(fd, ownsHandle: true));
        if (identity.IsAlive())
        {
            return handle;
        }

        handle.Dispose();
        return null;
    }

    /// <summary>Sends a signal; false when the process has ended.</summary>
    /// <exception cref="LinuxException">Not permitted.</exception>
    public bool Signal(int signal)
    {
        if (Libc.SystemCall(Syscall.PidfdSendSignal.Number, _handle.DangerousGetHandle(), signal) == 0)
        {
            return true;
        }

        Errno errno = Libc.LastErrno;
        return errno == Errno.ESRCH ? false : throw new LinuxException("pidfd_send_signal", errno);
    }

    /// <summary>Waits until it has ended; false when the time (null: none) passed first.</summary>
    public bool WaitForExit(TimeSpan? limit)
    {
        long deadline = limit is { } time ? Environment.TickCount64 + (long)time.TotalMilliseconds : long.MaxValue;
        while (true)
        {
            long left = deadline == long.MaxValue ? -1 : Math.Max(0, deadline - Environment.TickCount64);
            Libc.PollDescriptor poll = new() { Fd = (int)_handle.DangerousGetHandle(), Events = Libc.PollIn };
            int ready = Libc.Poll(&poll, 1, (int)Math.Min(left, int.MaxValue));
            if (ready > 0)
            {
                return true;
            }

            if (ready == 0 && left >= 0 && Environment.TickCount64 >= deadline)
            {
                return false;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}

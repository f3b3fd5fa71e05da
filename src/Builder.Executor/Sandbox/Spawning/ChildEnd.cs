// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>
/// A descriptor that becomes readable when a child has ended, for kernels without pidfds (gVisor): the end of a pipe
/// whose other end a waiting thread closes. The child stays to be reaped. Source: waitid(2), WNOWAIT.
/// </summary>
internal static unsafe class ChildEnd
{
    private const int ByPid = 1; // P_PID
    private const int InfoBytes = 128; // siginfo_t

    /// <summary>Starts to wait for a child of this process.</summary>
    public static SafeFileHandle Watch(int pid)
    {
        (SafeFileHandle read, SafeFileHandle write) = Libc.CreatePipe();
        var thread = new Thread(() =>
        {
            byte* info = stackalloc byte[InfoBytes];
            while (Libc.SystemCall(
                Syscall.Waitid.Number, ByPid, pid, (nint)info, Libc.WaitExited | Libc.WaitNoReap | Libc.WaitAll, 0) != 0
                && Libc.LastErrno == Errno.EINTR)
            {
                // A signal of ours: wait on.
            }

            write.Dispose();
        })
        {
            IsBackground = true,
            Name = "child-end",
        };
        thread.Start();
        return read;
    }
}

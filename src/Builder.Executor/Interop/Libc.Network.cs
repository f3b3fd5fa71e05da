// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Interop;

/// <summary>Network namespaces.</summary>
internal static unsafe partial class Libc
{
    private const int NewNetwork = 0x40000000; // CLONE_NEWNET

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int fd, int type);

    /// <summary>Moves this thread, and it alone, into a network namespace.</summary>
    public static void EnterNetworkNamespace(Microsoft.Win32.SafeHandles.SafeFileHandle handle)
    {
        if (SetNamespace((int)handle.DangerousGetHandle(), NewNetwork) != 0)
        {
            throw new LinuxException("setns", LastErrno);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox;

/// <summary>This process's own resource limits.</summary>
internal static unsafe class ResourceLimits
{
    private const int OpenFiles = 7; // RLIMIT_NOFILE

    /// <summary>The hard limit of open files; -1 is none.</summary>
    public static long HardOpenFiles()
    {
        long* limit = stackalloc long[2];
        return Libc.SystemCall(Syscall.Prlimit64.Number, 0, OpenFiles, 0, (nint)limit) == 0 ? limit[1] : -1;
    }
}

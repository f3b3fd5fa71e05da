// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Builder.Solver.Operations;

namespace Builder.Executor.Sandbox;

/// <summary>This process's own resource limits.</summary>
internal static unsafe class ResourceLimits
{
    private const int OpenFiles = 7; // RLIMIT_NOFILE
    private const int SoftOpenFiles = 1024;

    /// <summary>The hard limit of open files; -1 is none.</summary>
    public static long HardOpenFiles()
    {
        long* limit = stackalloc long[2];
        return Libc.SystemCall(Syscall.Prlimit64.Number, 0, OpenFiles, 0, (nint)limit) == 0 ? limit[1] : -1;
    }

    /// <summary>
    /// Limits with one for open files: .NET raises its own soft limit to the hard one, commands get the usual one back.
    /// </summary>
    public static IEnumerable<Ulimit> WithUsualOpenFiles(ImmutableArray<Ulimit> limits)
    {
        if (limits.Any(limit => limit.Name == "nofile"))
        {
            return limits;
        }

        long hard = HardOpenFiles();
        return limits.Prepend(new Ulimit("nofile", hard < 0 ? SoftOpenFiles : Math.Min(SoftOpenFiles, hard), hard));
    }
}

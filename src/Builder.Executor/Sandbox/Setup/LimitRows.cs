// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Executor.Sandbox.Spawning;
using Builder.Solver.Operations;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>Resource limits. Source: prlimit(2).</summary>
internal static class LimitRows
{
    // The number of a limit is its place here.
    private static readonly string[] s_names =
    [
        "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending",
        "msgqueue", "nice", "rtprio", "rttime",
    ];

    /// <summary>Sets limits in order.</summary>
    /// <exception cref="SandboxException">A name that there is not.</exception>
    public static void Set(SyscallProgramme programme, IEnumerable<Ulimit> limits)
    {
        foreach (Ulimit limit in limits)
        {
            int resource = Array.IndexOf(s_names, limit.Name);
            if (resource < 0)
            {
                throw new SandboxException($"set limit {limit.Name}: no such limit")
                {
                    Hint = $"the limits are {string.Join(", ", s_names)}",
                };
            }

            ReadOnlySpan<long> values = [limit.Soft, limit.Hard]; // -1 is RLIM_INFINITY
            programme.Add(
                $"set limit {limit.Name}={limit.Soft}:{limit.Hard}", Syscall.Prlimit64, 0, resource,
                programme.Bytes(MemoryMarshal.AsBytes(values)));
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.ControlGroups;

/// <summary>What a control group allows its processes together; 0 is no limit.</summary>
/// <param name="MemoryBytes">Memory, page cache included.</param>
/// <param name="CpuMicroseconds">Time on all cores together in each period of 100 ms.</param>
/// <param name="Processes">Processes and threads.</param>
public sealed record GroupLimits(long MemoryBytes, long CpuMicroseconds, long Processes)
{
    /// <summary>The kernel's usual period.</summary>
    public const int PeriodMicroseconds = 100_000;

    /// <summary>No limits.</summary>
    public static GroupLimits None { get; } = new(0, 0, 0);

    /// <summary>True when there is nothing to limit.</summary>
    public bool IsEmpty => MemoryBytes <= 0 && CpuMicroseconds <= 0 && Processes <= 0;

    /// <summary>The files of one controller to write, of a version of control groups. Source: the kernel's
    /// admin-guide/cgroup-v1 and admin-guide/cgroup-v2.rst.</summary>
    internal IEnumerable<(string Controller, string File, string Value)> Files(bool isVersion2)
    {
        if (MemoryBytes > 0)
        {
            yield return ("memory", isVersion2 ? "memory.max" : "memory.limit_in_bytes", Text(MemoryBytes));
        }

        if (CpuMicroseconds > 0 && isVersion2)
        {
            yield return ("cpu", "cpu.max", $"{Text(CpuMicroseconds)} {Text(PeriodMicroseconds)}");
        }
        else if (CpuMicroseconds > 0)
        {
            yield return ("cpu", "cpu.cfs_period_us", Text(PeriodMicroseconds));
            yield return ("cpu", "cpu.cfs_quota_us", Text(CpuMicroseconds));
        }

        if (Processes > 0)
        {
            yield return ("pids", "pids.max", Text(Processes));
        }
    }

    private static string Text(long value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

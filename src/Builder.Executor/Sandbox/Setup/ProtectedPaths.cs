// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>What containers may not see or change of the kernel's file systems, as docker has it.</summary>
internal static class ProtectedPaths
{
    /// <summary>Hidden.</summary>
    public static ImmutableArray<string> Masked { get; } =
    [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
        "/sys/devices/virtual/powercap",
    ];

    /// <summary>Readable only.</summary>
    public static ImmutableArray<string> ReadOnly { get; } =
        ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
}

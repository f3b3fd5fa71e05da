// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Frontend.Instructions;

namespace Builder.Frontend.Printing;

/// <summary>Writes HEALTHCHECK.</summary>
internal static class HealthcheckWriter
{
    private const int NanosecondsPerTick = 100;

    private static readonly (long Ticks, string Unit)[] s_units =
    [
        (TimeSpan.TicksPerHour, "h"),
        (TimeSpan.TicksPerMinute, "m"),
        (TimeSpan.TicksPerSecond, "s"),
        (TimeSpan.TicksPerMillisecond, "ms"),
    ];

    public static void Write(InstructionWriter line, HealthcheckInstruction healthcheck)
    {
        if (healthcheck.Command is null)
        {
            line.Arguments(["NONE"]);
            return;
        }

        Duration(line, "interval", healthcheck.Interval);
        Duration(line, "timeout", healthcheck.Timeout);
        Duration(line, "start-period", healthcheck.StartPeriod);
        Duration(line, "start-interval", healthcheck.StartInterval);
        if (healthcheck.Retries is { } retries)
        {
            line.Flag("retries", retries.ToString(CultureInfo.InvariantCulture));
        }

        line.Verbatim("CMD");
        switch (healthcheck.Command)
        {
            case ExecForm exec:
                line.Json(exec.Arguments);
                break;
            case ShellForm shell:
                line.Verbatim(shell.CommandLine);
                break;
        }
    }

    /// <summary>A duration in the largest unit that needs no fraction.</summary>
    private static void Duration(InstructionWriter line, string name, TimeSpan? duration)
    {
        if (duration is not { } value)
        {
            return;
        }

        (long ticks, string unit) = s_units.FirstOrDefault(entry => value.Ticks % entry.Ticks == 0, (0, "ns"));
        long count = ticks == 0 ? value.Ticks * NanosecondsPerTick : value.Ticks / ticks;
        line.Flag(name, string.Create(CultureInfo.InvariantCulture, $"{count}{unit}"));
    }
}

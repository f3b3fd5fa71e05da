// SPDX-License-Identifier: Apache-2.0

using Builder.Cli.CommandLine;
using Builder.Executor.Maintenance;
using Builder.Executor.Running;

namespace Builder.Cli.Building;

/// <summary>
/// The limits of the build cache from the environment: <c>BLD_GC</c> (on, off), <c>BLD_GC_RESERVED_SPACE</c>,
/// <c>BLD_GC_MAX_USED_SPACE</c>, <c>BLD_GC_MIN_FREE_SPACE</c> (sizes) and <c>BLD_GC_KEEP_DURATION</c>.
/// </summary>
internal static class CollectionSettings
{
    /// <summary>Reads them.</summary>
    /// <exception cref="UsageException">One is malformed.</exception>
    public static CollectionLimits Read(CliContext cli) => new()
    {
        IsOff = cli.Variable("BLD_GC") is { Length: > 0 } value && !ParseSwitch(value),
        ReservedBytes = Size(cli, "BLD_GC_RESERVED_SPACE"),
        MaxUsedBytes = Size(cli, "BLD_GC_MAX_USED_SPACE"),
        MinFreeBytes = Size(cli, "BLD_GC_MIN_FREE_SPACE"),
        KeepDuration = Duration(cli, "BLD_GC_KEEP_DURATION"),
    };

    private static bool ParseSwitch(string value) => value switch
    {
        "on" => true,
        "off" => false,
        _ => OptionValues.ParseBool("BLD_GC", value),
    };

    private static long? Size(CliContext cli, string name)
    {
        if (cli.Variable(name) is not { Length: > 0 } text)
        {
            return null;
        }

        try
        {
            return ByteSize.Parse(text);
        }
        catch (RunException exception)
        {
            throw new UsageException($"invalid size \"{text}\" in {name}", exception) { Hint = "for instance 512MB or 10GB" };
        }
    }

    private static TimeSpan? Duration(CliContext cli, string name) => cli.Variable(name) switch
    {
        null or "" => null,
        "0" => TimeSpan.Zero,
        string text when OptionValues.TryParseDuration(text, out TimeSpan duration) => duration,
        string text => throw new UsageException($"invalid duration \"{text}\" in {name}") { Hint = "for instance 60d or 48h; 0 for ever" },
    };
}

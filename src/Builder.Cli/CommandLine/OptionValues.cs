// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Executor.Running;
using Builder.Executor.Sandbox.ControlGroups;
using Builder.Solver.Operations;

namespace Builder.Cli.CommandLine;

/// <summary>Readers of the small languages inside option values.</summary>
internal static class OptionValues
{
    private const string HostGateway = "host-gateway";

    /// <summary>true/false/1/0.</summary>
    /// <exception cref="UsageException">None of them.</exception>
    public static bool ParseBool(string option, string value) => value.ToLowerInvariant() switch
    {
        "true" or "1" or "t" => true,
        "false" or "0" or "f" => false,
        _ => throw new UsageException($"invalid argument \"{value}\" for {option}: not true or false"),
    };

    /// <summary>
    /// Fields separated by commas, each KEY=VALUE or a bare KEY (whose value is null); a field in double quotes may hold
    /// commas, as in CSV.
    /// </summary>
    public static ImmutableArray<KeyValuePair<string, string?>> ParseFields(string text)
    {
        ImmutableArray<KeyValuePair<string, string?>>.Builder fields =
            ImmutableArray.CreateBuilder<KeyValuePair<string, string?>>();
        foreach (string field in SplitCsv(text))
        {
            int equals = field.IndexOf('=', StringComparison.Ordinal);
            fields.Add(equals < 0
                ? new KeyValuePair<string, string?>(field.Trim(), null)
                : new KeyValuePair<string, string?>(field[..equals].Trim(), field[(equals + 1)..]));
        }

        return fields.ToImmutable();
    }

    /// <summary>KEY=VALUE pairs in order; <paramref name="missing"/> gives the value of a bare KEY, null drops it.</summary>
    public static ImmutableArray<KeyValuePair<string, string>> ParsePairs(
        string option, string[]? values, Func<string, string?> missing)
    {
        ImmutableArray<KeyValuePair<string, string>>.Builder pairs =
            ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        foreach (string text in values ?? [])
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? text : text[..equals];
            if (key.Length == 0)
            {
                throw new UsageException($"invalid argument \"{text}\" for {option}: the name is empty");
            }

            string? value = equals < 0 ? missing(key) : text[(equals + 1)..];
            if (value is not null)
            {
                pairs.Add(new KeyValuePair<string, string>(key, value));
            }
        }

        return pairs.ToImmutable();
    }

    /// <summary><c>--add-host NAME:ADDRESS</c> or <c>NAME=ADDRESS</c>.</summary>
    public static ImmutableArray<HostEntry> ParseHosts(string[]? values) =>
        [.. (values ?? []).Select(text =>
        {
            int split = text.IndexOfAny(['=', ':']);
            string address = split > 0 ? text[(split + 1)..].Trim('[', ']') : "";
            return address == HostGateway || System.Net.IPAddress.TryParse(address, out _)
                ? new HostEntry(text[..split], address)
                : throw new UsageException($"invalid argument \"{text}\" for --add-host")
                {
                    Hint = "NAME:ADDRESS, an IP address or host-gateway",
                };
        })];

    /// <summary><c>--ulimit NAME=SOFT[:HARD]</c>.</summary>
    public static ImmutableArray<Ulimit> ParseUlimits(string[]? values) =>
        [.. (values ?? []).Select(text =>
        {
            string[] parts = text.Split('=', 2);
            string[] limits = parts.Length == 2 ? parts[1].Split(':', 2) : [];
            return limits.Length > 0 && TryLimit(limits[0], out long soft) && TryLimit(limits[^1], out long hard)
                ? new Ulimit(parts[0], soft, hard)
                : throw new UsageException($"invalid argument \"{text}\" for --ulimit") { Hint = "NAME=SOFT[:HARD]" };
        })];

    /// <summary><c>--memory SIZE</c>, <c>--cpus NUMBER</c> and <c>--pids-limit NUMBER</c>; docker's -1 is no limit of processes.</summary>
    public static GroupLimits ParseLimits(string? memory, string? cpus, int? processes) => new(
        memory is null ? 0 : ByteSize.Parse(memory),
        cpus is null or "0" ? 0
            : decimal.TryParse(cpus, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)
                && number is >= 0.01m and <= 4096m
                ? (long)(number * GroupLimits.PeriodMicroseconds)
                : throw new UsageException($"invalid argument \"{cpus}\" for --cpus") { Hint = "a number such as 1.5" },
        Math.Max(processes ?? 0, 0));

    /// <summary>Go's durations, as far as days, hours, minutes, seconds and milliseconds go: <c>1h30m</c>, <c>10s</c>.</summary>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        int start = 0;
        while (start < text.Length)
        {
            int unit = start;
            while (unit < text.Length && (char.IsAsciiDigit(text[unit]) || text[unit] == '.'))
            {
                unit++;
            }

            int end = unit;
            while (end < text.Length && char.IsAsciiLetter(text[end]))
            {
                end++;
            }

            if (!double.TryParse(text[start..unit], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
                || UnitSeconds(text[unit..end]) is not { } seconds)
            {
                return false;
            }

            duration += TimeSpan.FromSeconds(value * seconds);
            start = end;
        }

        return text.Length > 0;
    }

    private static double? UnitSeconds(string unit) => unit switch
    {
        "d" => 86_400,
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        "ms" => 0.001,
        _ => null,
    };

    private static bool TryLimit(string text, out long limit)
    {
        limit = -1;
        return text == "unlimited"
            || long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out limit);
    }

    private static List<string> SplitCsv(string text)
    {
        List<string> fields = [];
        System.Text.StringBuilder field = new();
        bool quoted = false;
        foreach (char c in text)
        {
            if (c == '"')
            {
                quoted = !quoted;
            }
            else if (c == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(c);
            }
        }

        fields.Add(field.ToString());
        return fields;
    }
}

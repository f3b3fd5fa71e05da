// SPDX-License-Identifier: Apache-2.0

using System.Globalization;

namespace Builder.Frontend.Parsing;

/// <summary>Durations as docker writes them: <c>1m30s</c>, <c>1.5h</c>, <c>250ms</c>. Source: Go's time.ParseDuration.</summary>
internal static class GoDuration
{
    private static readonly (string Unit, decimal Ticks)[] s_units =
    [
        ("ns", 0.01m),
        ("us", TimeSpan.TicksPerMicrosecond),
        ("\u00B5s", TimeSpan.TicksPerMicrosecond),
        ("\u03BCs", TimeSpan.TicksPerMicrosecond),
        ("ms", TimeSpan.TicksPerMillisecond),
        ("s", TimeSpan.TicksPerSecond),
        ("m", TimeSpan.TicksPerMinute),
        ("h", TimeSpan.TicksPerHour),
    ];

    /// <summary>Go's limit: 2^63 - 1 nanoseconds.</summary>
    private static readonly decimal s_maxTicks = long.MaxValue / 100m;

    /// <summary>Parses a duration; false when it is none or out of range.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        ReadOnlySpan<char> rest = text;
        bool negative = rest.StartsWith('-');
        if (negative || rest.StartsWith('+'))
        {
            rest = rest[1..];
        }

        if (rest is "0")
        {
            return true;
        }

        if (rest.IsEmpty)
        {
            return false;
        }

        decimal ticks = 0;
        while (!rest.IsEmpty)
        {
            if (!TryTake(ref rest, out decimal part) || (ticks += part) > s_maxTicks)
            {
                return false;
            }
        }

        duration = TimeSpan.FromTicks((long)(negative ? -ticks : ticks));
        return true;
    }

    private static bool TryTake(ref ReadOnlySpan<char> rest, out decimal ticks)
    {
        ticks = 0;
        int digits = 0;
        while (digits < rest.Length && (char.IsAsciiDigit(rest[digits]) || rest[digits] == '.'))
        {
            digits++;
        }

        int unitEnd = digits;
        while (unitEnd < rest.Length && !char.IsAsciiDigit(rest[unitEnd]) && rest[unitEnd] != '.')
        {
            unitEnd++;
        }

        ReadOnlySpan<char> unit = rest[digits..unitEnd];
        if (!decimal.TryParse(
                rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)
            || number > s_maxTicks)
        {
            return false;
        }

        foreach ((string name, decimal factor) in s_units)
        {
            if (unit.SequenceEqual(name))
            {
                ticks = number * factor;
                rest = rest[unitEnd..];
                return true;
            }
        }

        return false;
    }
}

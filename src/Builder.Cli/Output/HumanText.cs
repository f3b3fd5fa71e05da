// SPDX-License-Identifier: Apache-2.0

using System.Globalization;

namespace Builder.Cli.Output;

/// <summary>Sizes and times as docker writes them.</summary>
internal static class HumanText
{
    private static readonly string[] s_decimalUnits = ["B", "kB", "MB", "GB", "TB", "PB"];

    /// <summary>A size with four significant digits at most: <c>145MB</c>, <c>1.25GB</c>.</summary>
    public static string Size(long bytes, int significantDigits = 3)
    {
        double value = bytes;
        int unit = 0;
        while (value >= 1000 && unit < s_decimalUnits.Length - 1)
        {
            value /= 1000;
            unit++;
        }

        return value.ToString($"G{significantDigits}", CultureInfo.InvariantCulture) switch
        {
            // 999.9 rounds to 1E+03.
            string rounded when rounded.Contains('E') =>
                $"{Math.Round(value).ToString(CultureInfo.InvariantCulture)}{s_decimalUnits[unit]}",
            string rounded => rounded + s_decimalUnits[unit],
        };
    }

    /// <summary>How long ago something was: <c>10 seconds ago</c>, <c>About a minute ago</c>.</summary>
    public static string Ago(DateTimeOffset? then, DateTimeOffset now) =>
        then is null ? "N/A" : Duration(now - then.Value) + " ago";

    /// <summary>A duration in words, in docker's steps.</summary>
    public static string Duration(TimeSpan duration)
    {
        int seconds = (int)Math.Min(int.MaxValue, duration.TotalSeconds);
        int minutes = (int)Math.Min(int.MaxValue, duration.TotalMinutes);
        int hours = (int)Math.Min(int.MaxValue, Math.Floor(duration.TotalHours + 0.5));
        return duration switch
        {
            _ when seconds < 1 => "Less than a second",
            _ when seconds == 1 => "1 second",
            _ when seconds < 60 => $"{seconds} seconds",
            _ when minutes == 1 => "About a minute",
            _ when minutes < 60 => $"{minutes} minutes",
            _ when hours == 1 => "About an hour",
            _ when hours < 48 => $"{hours} hours",
            _ when hours < 24 * 7 * 2 => $"{hours / 24} days",
            _ when hours < 24 * 30 * 2 => $"{hours / 24 / 7} weeks",
            _ when hours < 24 * 365 * 2 => $"{hours / 24 / 30} months",
            _ => $"{(int)(duration.TotalHours / 24 / 365)} years",
        };
    }

    /// <summary>A point in time as Go prints it: <c>2026-11-26 00:45:09 +0000 UTC</c>.</summary>
    public static string Timestamp(DateTimeOffset time) =>
        time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss '+0000 UTC'", CultureInfo.InvariantCulture);

    /// <summary>A command on one line; what holds a blank stands in single quotes.</summary>
    public static string CommandLine(IEnumerable<string> arguments) =>
        string.Join(' ', arguments.Select(argument => argument.Contains(' ', StringComparison.Ordinal) ? $"'{argument}'" : argument));

    /// <summary>A text in double quotes, as Go's strconv.Quote writes it as far as one line goes.</summary>
    public static string Quote(string text) =>
        "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal) + "\"";

    /// <summary>Cuts a text at a number of characters, the last of which becomes an ellipsis.</summary>
    public static string Truncate(string text, int length) =>
        text.Length <= length ? text : text[..(length - 1)] + "…";

    /// <summary>The first 12 digits of a digest or of an id.</summary>
    public static string ShortId(string id)
    {
        int colon = id.IndexOf(':', StringComparison.Ordinal);
        string hex = colon < 0 ? id : id[(colon + 1)..];
        return hex.Length <= 12 ? hex : hex[..12];
    }
}

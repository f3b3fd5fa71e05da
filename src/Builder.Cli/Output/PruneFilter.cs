// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Cli.CommandLine;

namespace Builder.Cli.Output;

/// <summary>
/// <c>--filter</c> of the prune commands that remove images, containers and volumes: <c>until</c> and <c>label</c>.
/// </summary>
internal sealed class PruneFilter
{
    private readonly List<(string Name, string? Value, bool Wanted)> _labels = [];

    /// <summary>Only what was made before; null for any time.</summary>
    public DateTimeOffset? Until { get; private set; }

    /// <summary>There is a condition on labels.</summary>
    public bool HasLabels => _labels.Count > 0;

    /// <summary>Parses <c>until=TIME</c>, <c>label=NAME[=VALUE]</c>, <c>label!=NAME[=VALUE]</c>.</summary>
    /// <exception cref="UsageException">Unknown key or malformed value.</exception>
    public static PruneFilter Parse(string[]? filters, DateTimeOffset now)
    {
        PruneFilter result = new();
        foreach (string filter in filters ?? [])
        {
            (string key, string value) = Split(filter);
            switch (key)
            {
                case "until":
                    result.Until = ParseTime(value, now);
                    break;
                case "label" or "label!":
                    string[] parts = value.Split('=', 2);
                    result._labels.Add((parts[0], parts.Length == 2 ? parts[1] : null, key == "label"));
                    break;
                default:
                    throw new UsageException($"invalid filter \"{key}\"") { Hint = "one of until, label, label!" };
            }
        }

        return result;
    }

    /// <summary>KEY=VALUE in two; of <c>label!=x</c> the key is <c>label!</c>.</summary>
    /// <exception cref="UsageException">Not that.</exception>
    public static (string Key, string Value) Split(string filter) => filter.Split('=', 2) is [var key, var value]
        ? (key, value)
        : throw new UsageException($"invalid filter \"{filter}\"") { Hint = "filters are KEY=VALUE" };

    /// <summary>A moment: a duration before now (<c>24h</c>, <c>7d</c>), RFC 3339, a date, or seconds since 1970.</summary>
    /// <exception cref="UsageException">None of them.</exception>
    public static DateTimeOffset ParseTime(string text, DateTimeOffset now)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds))
        {
            return DateTimeOffset.FromUnixTimeSeconds(seconds);
        }

        if (OptionValues.TryParseDuration(text, out TimeSpan ago))
        {
            return now - ago;
        }

        return DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset moment)
                ? moment
                : throw new UsageException($"invalid time \"{text}\"")
                {
                    Hint = "a duration (24h), RFC 3339, or seconds since 1970",
                };
    }

    /// <summary>True when something made then, with these labels, may be removed.</summary>
    public bool Accepts(DateTimeOffset? created, IReadOnlyDictionary<string, string> labels) =>
        (Until is null || (created ?? DateTimeOffset.MinValue) < Until)
        && _labels.All(label => (labels.TryGetValue(label.Name, out string? value)
            && (label.Value is null || label.Value == value)) == label.Wanted);
}

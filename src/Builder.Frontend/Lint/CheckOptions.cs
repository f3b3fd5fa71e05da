// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Lint;

/// <summary>
/// The value of a <c># check=</c> directive, of a comment above an instruction or of the build arg:
/// <c>skip=A,B|all;error=true;experimental=A|all</c>.
/// </summary>
internal sealed record CheckOptions
{
    private const string AllRules = "all";

    public static CheckOptions Default { get; } = new();

    public ImmutableHashSet<string> Skipped { get; init; } = [];

    public ImmutableHashSet<string> Experimental { get; init; } = [];

    /// <summary>Whether findings fail the build; null when nothing was said.</summary>
    public bool? IsError { get; init; }

    /// <summary>Names in it that are no rule's.</summary>
    public IEnumerable<string> UnknownRules =>
        Skipped.Union(Experimental).Where(name => name != AllRules && LintRule.Find(name) is null).Order(StringComparer.Ordinal);

    /// <exception cref="FormatException">Not of that form.</exception>
    public static CheckOptions Parse(string text)
    {
        CheckOptions options = Default;
        foreach (string part in text.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int separator = part.IndexOf('=', StringComparison.Ordinal);
            string key = separator < 0 ? part : part[..separator].Trim();
            string value = separator < 0 ? "" : part[(separator + 1)..].Trim();
            options = (key, separator) switch
            {
                (_, < 0) => throw new FormatException($"invalid check option \"{part}\": expected KEY=VALUE"),
                ("skip", _) => options with { Skipped = Names(value) },
                ("experimental", _) => options with { Experimental = Names(value) },
                ("error", _) => options with { IsError = ParseBool(value) },
                _ => throw new FormatException($"invalid check option \"{key}\": expected skip, error or experimental"),
            };
        }

        return options;
    }

    /// <summary>These options with those of a narrower place on top.</summary>
    public CheckOptions Merge(CheckOptions inner) => new()
    {
        Skipped = Skipped.Union(inner.Skipped),
        Experimental = Experimental.Union(inner.Experimental),
        IsError = inner.IsError ?? IsError,
    };

    public bool Allows(LintRule rule) =>
        !Skipped.Contains(AllRules) && !Skipped.Contains(rule.Name)
        && (!rule.IsExperimental || Experimental.Contains(AllRules) || Experimental.Contains(rule.Name));

    private static ImmutableHashSet<string> Names(string value) =>
        [.. value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>The words that Go's strconv.ParseBool takes.</summary>
    private static bool ParseBool(string value) => value switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw new FormatException($"invalid check option \"error={value}\": expected true or false"),
    };
}

// SPDX-License-Identifier: Apache-2.0

using System.Text.RegularExpressions;
using Builder.Executor.Maintenance;

namespace Builder.Cli.Output;

/// <summary>
/// <c>--filter</c> of <c>builder prune</c>: <c>until</c> and <c>unused-for</c>, and conditions on the fields of an entry
/// with <c>=</c>, <c>!=</c> or <c>~=</c> (a regular expression).
/// </summary>
internal sealed class CacheFilter
{
    private static readonly TimeSpan s_matchTimeout = TimeSpan.FromSeconds(1);

    private readonly List<Func<CacheEntry, bool>> _conditions = [];

    /// <summary>For how long an entry must not have been used.</summary>
    public TimeSpan UnusedFor { get; private set; }

    /// <summary>Parses filters.</summary>
    /// <exception cref="UsageException">Unknown key or malformed value.</exception>
    public static CacheFilter Parse(string[]? filters, DateTimeOffset now)
    {
        CacheFilter result = new();
        foreach (string filter in filters ?? [])
        {
            (string key, string value) = PruneFilter.Split(filter);
            if (key is "until" or "unused-for")
            {
                result.UnusedFor = now - PruneFilter.ParseTime(value, now);
                continue;
            }

            string name = key.TrimEnd('!', '~');
            Func<string, bool> test = key[name.Length..] switch
            {
                // "==" of containerd's filters leaves one sign behind.
                "" when value.StartsWith('=') => text => text == value[1..],
                "" => text => text == value,
                "!" => text => text != value,
                "~" => Match(value),
                _ => throw new UsageException($"invalid filter \"{filter}\"") { Hint = "KEY=VALUE, KEY!=VALUE or KEY~=REGEX" },
            };
            result._conditions.Add(Condition(name, test));
        }

        return result;
    }

    /// <summary>True when an entry passes.</summary>
    public bool Accepts(CacheEntry entry) => _conditions.All(condition => condition(entry));

    private static Func<string, bool> Match(string pattern)
    {
        try
        {
            Regex regex = new(pattern, RegexOptions.CultureInvariant, s_matchTimeout);
            return regex.IsMatch;
        }
        catch (ArgumentException exception)
        {
            throw new UsageException($"invalid regular expression \"{pattern}\": {exception.Message}", exception);
        }
    }

    private static Func<CacheEntry, bool> Condition(string name, Func<string, bool> test) => name switch
    {
        // A beginning of the id as listings show it.
        "id" => entry => test(entry.Id) || Enumerable.Range(1, entry.Id.Length).Any(length => length >= 6 && test(entry.Id[..length])),
        "type" => entry => test(entry.TypeName),
        "description" => entry => test(entry.Description),
        "shared" => entry => test(entry.IsShared ? "true" : "false"),
        "private" => entry => test(entry.IsShared ? "false" : "true"),
        _ => throw new UsageException($"invalid filter \"{name}\"")
        {
            Hint = "one of until, unused-for, id, type, description, shared, private",
        },
    };
}

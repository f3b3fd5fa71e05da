// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Registry;

/// <summary>
/// One challenge of a WWW-Authenticate header. Source: RFC 9110 section 11.6.1, RFC 6750 section 3, and the token
/// specification of distribution.
/// </summary>
/// <param name="Scheme">Lower case: <c>basic</c>, <c>bearer</c>.</param>
/// <param name="Parameters">Names in lower case.</param>
internal sealed record AuthChallenge(string Scheme, ImmutableDictionary<string, string> Parameters)
{
    public string? Realm => Parameters.GetValueOrDefault("realm");

    public string? Service => Parameters.GetValueOrDefault("service");

    public string? Scope => Parameters.GetValueOrDefault("scope");

    public string? Error => Parameters.GetValueOrDefault("error");

    /// <summary>The challenges of the header's values; what cannot be read is left out.</summary>
    public static ImmutableArray<AuthChallenge> ParseAll(IEnumerable<string> values)
    {
        ImmutableArray<AuthChallenge>.Builder challenges = ImmutableArray.CreateBuilder<AuthChallenge>();
        foreach (string value in values)
        {
            Parse(value, challenges);
        }

        return challenges.ToImmutable();
    }

    private static void Parse(string text, ImmutableArray<AuthChallenge>.Builder challenges)
    {
        int at = 0;
        string? scheme = null;
        ImmutableDictionary<string, string> parameters = ImmutableDictionary<string, string>.Empty;
        while (true)
        {
            SkipSeparators(text, ref at);
            string token = ReadToken(text, ref at);
            if (token.Length == 0)
            {
                break;
            }

            SkipSpaces(text, ref at);
            if (at < text.Length && text[at] == '=' && scheme is not null)
            {
                at++;
                SkipSpaces(text, ref at);
                parameters = parameters.SetItem(token.ToLowerInvariant(), ReadValue(text, ref at));
                continue;
            }

            if (scheme is not null)
            {
                challenges.Add(new AuthChallenge(scheme, parameters));
            }

            scheme = token.ToLowerInvariant();
            parameters = ImmutableDictionary<string, string>.Empty;
        }

        if (scheme is not null)
        {
            challenges.Add(new AuthChallenge(scheme, parameters));
        }
    }

    private static void SkipSeparators(string text, ref int at)
    {
        while (at < text.Length && (text[at] is ' ' or '\t' or ','))
        {
            at++;
        }
    }

    private static void SkipSpaces(string text, ref int at)
    {
        while (at < text.Length && (text[at] is ' ' or '\t'))
        {
            at++;
        }
    }

    private static string ReadToken(string text, ref int at)
    {
        int start = at;
        while (at < text.Length && text[at] is not (' ' or '\t' or ',' or '=' or '"'))
        {
            at++;
        }

        return text[start..at];
    }

    private static string ReadValue(string text, ref int at)
    {
        if (at >= text.Length || text[at] != '"')
        {
            return ReadToken(text, ref at);
        }

        System.Text.StringBuilder value = new();
        for (at++; at < text.Length && text[at] != '"'; at++)
        {
            if (text[at] == '\\' && at + 1 < text.Length)
            {
                at++;
            }

            value.Append(text[at]);
        }

        at = Math.Min(at + 1, text.Length);
        return value.ToString();
    }
}

// SPDX-License-Identifier: Apache-2.0

namespace Builder.Solver.Caching;

/// <summary>
/// Tells which values may be secrets although they were given as variables. Records are shared between machines, so such
/// values are kept there as digests only.
/// </summary>
internal static class SensitiveValue
{
    private static readonly string[] s_words =
        ["passw", "pword", "secret", "token", "apikey", "api_key", "credential", "private", "auth"];

    /// <summary>True when the field's name speaks of a secret, or its value holds the user part of a URL.</summary>
    public static bool IsSensitive(string name, string value)
    {
        foreach (string word in s_words)
        {
            if (name.Contains(word, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        int scheme = value.IndexOf("://", StringComparison.Ordinal);
        return scheme >= 0 && value.IndexOf('@', scheme) > scheme;
    }
}

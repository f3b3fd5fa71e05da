// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Builder.Frontend.Tests.Ignore;

/// <summary>
/// The meaning of patterns written down a second time, slow and plain, on regular expressions: what the matchers are
/// compared with. Takes only well-formed patterns.
/// </summary>
internal static class PatternOracle
{
    /// <summary>Go's filepath.Match.</summary>
    public static bool MatchesGlob(string pattern, string path) =>
        Regex.IsMatch(path, ToRegex(pattern, isDeep: false), RegexOptions.CultureInvariant | RegexOptions.Singleline);

    /// <summary>A pattern of an ignore file against one path, parents not considered.</summary>
    public static bool MatchesDeep(string pattern, string path)
    {
        bool isPlain(string text) => text.IndexOfAny(['*', '?', '[', ']', '\\']) < 0;
        if (pattern.StartsWith("**", StringComparison.Ordinal) && isPlain(pattern[2..]))
        {
            return path.EndsWith(pattern[2..], StringComparison.Ordinal)
                || (pattern.StartsWith("**/", StringComparison.Ordinal) && path == pattern[3..]);
        }

        if (pattern.EndsWith("**", StringComparison.Ordinal) && isPlain(pattern[..^2]))
        {
            return path.StartsWith(pattern[..^2], StringComparison.Ordinal);
        }

        return Regex.IsMatch(
            path, ToRegex(pattern, isDeep: true), RegexOptions.CultureInvariant | RegexOptions.Singleline);
    }

    /// <summary>
    /// The verdict of a walk from the root: every directory on the way is asked first, with all its patterns; a pattern
    /// that matched the directory matches what is in it.
    /// </summary>
    public static bool IsIgnored(IReadOnlyList<string> patterns, string path)
    {
        var parentMatched = new bool[patterns.Count];
        bool verdict = false;
        string[] names = path.Split('/');
        for (int depth = 1; depth <= names.Length; depth++)
        {
            string current = string.Join('/', names[..depth]);
            var matched = new bool[patterns.Count];
            verdict = false;
            for (int i = 0; i < patterns.Count; i++)
            {
                bool isNegated = patterns[i][0] == '!';
                string pattern = isNegated ? patterns[i][1..] : patterns[i];
                if (parentMatched[i])
                {
                    matched[i] = true;
                }
                else if (isNegated == verdict)
                {
                    matched[i] = MatchesDeep(pattern, current);
                }

                if (matched[i])
                {
                    verdict = !isNegated;
                }
            }

            parentMatched = matched;
        }

        return verdict;
    }

    private static string ToRegex(string pattern, bool isDeep)
    {
        var regex = new StringBuilder("\\A");
        for (int i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '*' when isDeep && pattern.AsSpan(i).StartsWith("**"):
                    i += pattern.AsSpan(i).StartsWith("**/") ? 2 : 1;
                    regex.Append(i == pattern.Length - 1 ? ".*" : "(.*/)?");
                    break;
                case '*':
                    regex.Append("[^/]*");
                    break;
                case '?':
                    regex.Append("[^/]");
                    break;
                case '[':
                    regex.Append('[');
                    bool isFirst = true;
                    for (i++; pattern[i] != ']'; i++)
                    {
                        if (pattern[i] == '\\')
                        {
                            i++;
                            regex.Append(CultureInfo.InvariantCulture, $"\\u{(int)pattern[i]:x4}");
                        }
                        else if (pattern[i] == '-' || (pattern[i] == '^' && isFirst))
                        {
                            regex.Append(pattern[i]);
                        }
                        else
                        {
                            regex.Append(CultureInfo.InvariantCulture, $"\\u{(int)pattern[i]:x4}");
                        }

                        isFirst = false;
                    }

                    regex.Append(']');
                    break;
                case '\\':
                    regex.Append(Regex.Escape(pattern[++i].ToString()));
                    break;
                default:
                    regex.Append(Regex.Escape(pattern[i].ToString()));
                    break;
            }
        }

        return regex.Append("\\z").ToString();
    }
}

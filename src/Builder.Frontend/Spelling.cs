// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend;

/// <summary>Finds what the user may have meant.</summary>
public static class Spelling
{
    private const int MaxDistance = 2;
    private const int MaxLength = 100;

    /// <summary>
    /// The candidate that differs from <paramref name="word"/> by at most two insertions, deletions or replacements,
    /// and by fewer than its own length; null when there is none or when the word is a candidate itself.
    /// </summary>
    public static string? Suggest(string word, IEnumerable<string> candidates, bool ignoreCase = false)
    {
        string? best = null;
        int bestDistance = MaxDistance + 1;
        foreach (string candidate in candidates)
        {
            int distance = Distance(Fold(word, ignoreCase), Fold(candidate, ignoreCase));
            if (distance == 0)
            {
                return null;
            }

            bool isNearer = distance < bestDistance
                || (distance == bestDistance && string.CompareOrdinal(candidate, best) < 0);
            if (isNearer && distance <= MaxDistance && distance < candidate.Length)
            {
                best = candidate;
                bestDistance = distance;
            }
        }

        return best;
    }

    /// <summary>"did you mean X?", or null when nothing is near.</summary>
    public static string? Hint(string word, IEnumerable<string> candidates, bool ignoreCase = false) =>
        Suggest(word, candidates, ignoreCase) is { } suggestion ? $"did you mean {suggestion}?" : null;

    private static string Fold(string word, bool ignoreCase) => ignoreCase ? word.ToLowerInvariant() : word;

    /// <summary>The Levenshtein distance, or a number above the limit.</summary>
    private static int Distance(string left, string right)
    {
        if (Math.Abs(left.Length - right.Length) > MaxDistance || Math.Max(left.Length, right.Length) > MaxLength)
        {
            return MaxDistance + 1;
        }

        Span<int> row = stackalloc int[MaxLength + 1];
        for (int j = 0; j <= right.Length; j++)
        {
            row[j] = j;
        }

        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int above = row[j];
                int replaced = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                row[j] = Math.Min(replaced, Math.Min(above, row[j - 1]) + 1);
                diagonal = above;
            }
        }

        return row[right.Length];
    }
}

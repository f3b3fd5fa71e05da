// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend;

/// <summary>Finds what the user may have meant.</summary>
public static class Spelling
{
    private const int MaxDistance = 2;
    private const int MaxLength = 100;

    /// <summary>
    /// The candidate that differs from <paramref name="word"/> by at most two insertions, deletions, replacements or swaps
    /// of neighbours; null when there is none or when the word is a candidate itself. Of words shorter than four
    /// characters two edits leave too little, unless they begin alike.
    /// </summary>
    public static string? Suggest(string word, IEnumerable<string> candidates, bool ignoreCase = false)
    {
        string? best = null;
        int bestDistance = MaxDistance + 1;
        string left = Fold(word, ignoreCase);
        foreach (string candidate in candidates)
        {
            string right = Fold(candidate, ignoreCase);
            int distance = Distance(left, right);
            if (distance == 0)
            {
                return null;
            }

            bool isNearer = distance < bestDistance
                || (distance == bestDistance && string.CompareOrdinal(candidate, best) < 0);
            if (isNearer && IsNear(left, right, distance))
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

    private static bool IsNear(string left, string right, int distance)
    {
        const int MinLength = 4;
        return distance < MaxDistance
            ? distance < right.Length
            : distance == MaxDistance
                && (Math.Min(left.Length, right.Length) >= MinLength
                    || (left.Length > 0 && right.StartsWith(left, StringComparison.Ordinal)));
    }

    /// <summary>The distance after Damerau and Levenshtein, or a number above the limit.</summary>
    private static int Distance(string left, string right)
    {
        if (Math.Abs(left.Length - right.Length) > MaxDistance || Math.Max(left.Length, right.Length) > MaxLength)
        {
            return MaxDistance + 1;
        }

        Span<int> beforeLast = stackalloc int[MaxLength + 1];
        Span<int> last = stackalloc int[MaxLength + 1];
        Span<int> row = stackalloc int[MaxLength + 1];
        for (int j = 0; j <= right.Length; j++)
        {
            row[j] = j;
        }

        for (int i = 1; i <= left.Length; i++)
        {
            Span<int> free = beforeLast;
            beforeLast = last;
            last = row;
            row = free;
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int replaced = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
                row[j] = Math.Min(replaced, Math.Min(last[j], row[j - 1]) + 1);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
                }
            }
        }

        return row[right.Length];
    }
}

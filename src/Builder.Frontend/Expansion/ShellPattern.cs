// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Frontend.Expansion;

/// <summary>
/// A pattern of <c>${x#p}</c> and <c>${x/p/r}</c>: <c>*</c> any run, <c>?</c> any character (neither crosses a line
/// feed), a backslash before one of them or before itself makes it literal. No brackets.
/// </summary>
internal sealed class ShellPattern
{
    /// <summary>The work that one expansion may cost, in comparisons.</summary>
    private const int MaxSteps = 20_000_000;

    private readonly Element[] _elements;
    private int _steps;

    private ShellPattern(Element[] elements)
    {
        _elements = elements;
    }

    private enum Kind
    {
        Literal,
        One,
        Many,
    }

    /// <summary>Reads a pattern.</summary>
    /// <exception cref="ExpansionException">A backslash stands before something else.</exception>
    public static ShellPattern Parse(string pattern)
    {
        var elements = new List<Element>(pattern.Length);
        for (int i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '*':
                    elements.Add(new Element(Kind.Many, '*'));
                    break;
                case '?':
                    elements.Add(new Element(Kind.One, '?'));
                    break;
                case '\\':
                    i++;
                    elements.Add(new Element(Kind.Literal, Escaped(pattern, i)));
                    break;
                default:
                    elements.Add(new Element(Kind.Literal, pattern[i]));
                    break;
            }
        }

        return new ShellPattern([.. elements]);
    }

    /// <summary>The value without the shortest or longest beginning that matches.</summary>
    public string TrimPrefix(string value, bool longest)
    {
        int end = MatchEnd(value, 0, longest);
        return end < 0 ? value : value[end..];
    }

    /// <summary>The value without the shortest or longest end that matches.</summary>
    public string TrimSuffix(string value, bool longest)
    {
        // Matching backwards turns "which end" into "which beginning".
        var reversed = new ShellPattern([.. _elements.Reverse()]);
        int end = reversed.MatchEnd(Reverse(value), 0, longest);
        return end < 0 ? value : value[..^end];
    }

    /// <summary>The value with the first, or every, longest match replaced.</summary>
    public string Replace(string value, string replacement, bool all)
    {
        var result = new StringBuilder(value.Length);
        int position = 0;
        int lastEnd = -1;
        while (position <= value.Length)
        {
            int end = MatchEnd(value, position, longest: true);

            // An empty match right after a match is none.
            if (end >= 0 && !(end == position && lastEnd == position))
            {
                Limit(result.Append(replacement));
                lastEnd = end;
                if (!all)
                {
                    return result.Append(value, end, value.Length - end).ToString();
                }

                if (end > position)
                {
                    position = end;
                    continue;
                }
            }

            if (position < value.Length)
            {
                result.Append(value[position]);
            }

            position++;
        }

        return result.ToString();
    }

    private static char Escaped(string pattern, int index)
    {
        if (index >= pattern.Length)
        {
            throw new ExpansionException($"invalid pattern ({pattern}) in substitution: it ends with a backslash");
        }

        // '}' and '/' had to be escaped to stand inside ${}.
        return pattern[index] is '*' or '?' or '\\' or '}' or '/'
            ? pattern[index]
            : throw new ExpansionException(
                $"invalid pattern ({pattern}) in substitution: invalid escape '\\{pattern[index]}'");
    }

    private static string Reverse(string value) =>
        string.Create(value.Length, value, static (span, source) =>
        {
            source.CopyTo(span);
            span.Reverse();
        });

    private static void Limit(StringBuilder result)
    {
        if (result.Length > WordExpander.MaxResultLength)
        {
            throw new ExpansionException($"the result is longer than {WordExpander.MaxResultLength} characters");
        }
    }

    /// <summary>
    /// Where a match from <paramref name="start"/> ends; -1 without one. Walks all alternatives at once, so that no
    /// pattern is exponential.
    /// </summary>
    private int MatchEnd(string value, int start, bool longest)
    {
        // active[i]: the elements before i have matched what was read so far.
        bool[] active = new bool[_elements.Length + 1];
        bool[] next = new bool[_elements.Length + 1];
        active[0] = true;
        int found = -1;
        for (int position = start; ; position++)
        {
            bool any = SkipMany(active);
            if (active[^1])
            {
                found = position;
                if (!longest)
                {
                    return found;
                }
            }

            if (!any || position == value.Length)
            {
                return found;
            }

            Step(value[position], active, next);
            (active, next) = (next, active);
        }
    }

    /// <summary>A run may be empty; false when nothing is active.</summary>
    private bool SkipMany(bool[] active)
    {
        bool any = false;
        for (int i = 0; i < _elements.Length; i++)
        {
            any |= active[i];
            if (active[i] && _elements[i].Kind == Kind.Many)
            {
                active[i + 1] = true;
            }
        }

        return any;
    }

    private void Step(char c, bool[] active, bool[] next)
    {
        _steps += _elements.Length + 1;
        if (_steps > MaxSteps)
        {
            throw new ExpansionException("the pattern takes too long to match");
        }

        Array.Clear(next);
        for (int i = 0; i < _elements.Length; i++)
        {
            if (!active[i])
            {
                continue;
            }

            Element element = _elements[i];
            switch (element.Kind)
            {
                case Kind.Many when c != '\n':
                    next[i] = true;
                    break;
                case Kind.One when c != '\n':
                case Kind.Literal when c == element.Character:
                    next[i + 1] = true;
                    break;
            }
        }
    }

    private readonly record struct Element(Kind Kind, char Character);
}

// SPDX-License-Identifier: Apache-2.0

namespace Builder.Solver.Copying;

/// <summary>One name of a path pattern, with the wildcards of Go's filepath.Match: <c>*</c>, <c>?</c>, <c>[a-z]</c>,
/// <c>[^x]</c> and <c>\</c> before a character that stands for itself.</summary>
internal sealed class Wildcard
{
    private readonly List<Token> _tokens = [];

    private Wildcard()
    {
    }

    /// <summary>True when the text has an unescaped wildcard.</summary>
    public static bool IsNeeded(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
            }
            else if (text[i] is '*' or '?' or '[')
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Parses.</summary>
    /// <exception cref="SolveException">A class is not closed or empty, or a backslash ends the text.</exception>
    public static Wildcard Parse(string text)
    {
        var wildcard = new Wildcard();
        int position = 0;
        while (position < text.Length)
        {
            switch (text[position])
            {
                case '*':
                    position++;
                    wildcard._tokens.Add(new Token(TokenKind.Star, default, []));
                    break;
                case '?':
                    position++;
                    wildcard._tokens.Add(new Token(TokenKind.Any, default, []));
                    break;
                case '[':
                    position++;
                    wildcard._tokens.Add(ReadClass(text, ref position));
                    break;
                default:
                    wildcard._tokens.Add(new Token(TokenKind.Rune, ReadRune(text, ref position), []));
                    break;
            }
        }

        return wildcard;
    }

    /// <summary>True when the whole name matches.</summary>
    public bool IsMatch(string name)
    {
        int token = 0;
        int position = 0;
        int starToken = -1;
        int starPosition = 0;
        while (true)
        {
            if (token < _tokens.Count && _tokens[token].Kind == TokenKind.Star)
            {
                starToken = token++;
                starPosition = position;
            }
            else if (position == name.Length && token == _tokens.Count)
            {
                return true;
            }
            else if (position < name.Length && token < _tokens.Count && _tokens[token].Matches(name, ref position))
            {
                token++;
            }
            else if (starToken >= 0 && starPosition < name.Length)
            {
                starPosition += char.IsSurrogatePair(name, starPosition) ? 2 : 1;
                position = starPosition;
                token = starToken + 1;
            }
            else
            {
                return false;
            }
        }
    }

    private static Token ReadClass(string text, ref int position)
    {
        bool negated = position < text.Length && text[position] == '^';
        position += negated ? 1 : 0;
        var ranges = new List<(int Low, int High)>();
        while (position >= text.Length || text[position] != ']' || ranges.Count == 0)
        {
            int low = ReadClassRune(text, ref position);
            int high = low;
            if (position < text.Length && text[position] == '-')
            {
                position++;
                high = ReadClassRune(text, ref position);
            }

            ranges.Add((low, high));
        }

        position++;
        return new Token(negated ? TokenKind.NotInClass : TokenKind.InClass, default, ranges);
    }

    private static int ReadClassRune(string text, ref int position) =>
        position >= text.Length || text[position] is '-' or ']'
            ? throw Malformed(text)
            : ReadRune(text, ref position);

    private static int ReadRune(string text, ref int position)
    {
        if (text[position] == '\\' && ++position == text.Length)
        {
            throw Malformed(text);
        }

        return NextRune(text, ref position);
    }

    private static int NextRune(string text, ref int position)
    {
        if (char.IsSurrogatePair(text, position))
        {
            position += 2;
            return char.ConvertToUtf32(text[position - 2], text[position - 1]);
        }

        return text[position++];
    }

    private static SolveException Malformed(string text) => new($"read pattern \"{text}\": syntax error in pattern");

    private enum TokenKind
    {
        Star,
        Any,
        Rune,
        InClass,
        NotInClass,
    }

    private sealed record Token(TokenKind Kind, int Rune, List<(int Low, int High)> Ranges)
    {
        public bool Matches(string name, ref int position)
        {
            int rune = NextRune(name, ref position);
            return Kind switch
            {
                TokenKind.Any => true,
                TokenKind.Rune => rune == Rune,
                _ => Ranges.Exists(range => rune >= range.Low && rune <= range.High) == (Kind == TokenKind.InClass),
            };
        }
    }
}

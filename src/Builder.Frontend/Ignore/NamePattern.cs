// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Text;
using DotNet.Globbing;

namespace Builder.Frontend.Ignore;

/// <summary>
/// A pattern for one segment of a path: nothing in it can match '/'. Most are matched by DotNet.Glob; what that
/// library means otherwise than Go (see docs/adr/0007-patterns.md) is matched here.
/// </summary>
internal sealed class NamePattern
{
    /// <summary>DotNet.Glob backtracks at every star, so that its time is exponential in their number.</summary>
    private const int MaxStarsForGlob = 3;

    /// <summary>DotNet.Glob takes a backslash for a separator and counts UTF-16 units, Go counts characters.</summary>
    private static readonly SearchValues<char> s_unlikeGlob = SearchValues.Create(
        [.. Enumerable.Range(0xD800, 0x800).Select(code => (char)code), '\\']);

    private readonly string? _literal;
    private readonly GlobToken[] _tokens;
    private readonly string _prefix;
    private readonly string _suffix;
    private readonly Glob? _glob;

    public NamePattern(ReadOnlySpan<GlobToken> tokens)
    {
        _tokens = tokens.ToArray();
        _literal = GlobPattern.LiteralOf(tokens);
        _prefix = LiteralPrefix(tokens);
        _suffix = LiteralSuffix(tokens);
        _glob = _literal is null ? TranslateToGlob(tokens) : null;
    }

    /// <summary>The name when nothing in the pattern is a wildcard, else null.</summary>
    public string? Literal => _literal;

    /// <summary>True when DotNet.Glob does the matching of ordinary names.</summary>
    internal bool UsesGlob => _glob is not null;

    public bool IsMatch(ReadOnlySpan<char> name)
    {
        if (_literal is not null)
        {
            return name.SequenceEqual(_literal);
        }

        // Most names are none of ours: what is fixed at the ends tells at once.
        if (!name.StartsWith(_prefix) || !name.EndsWith(_suffix))
        {
            return false;
        }

        return _glob is not null && !name.ContainsAny(s_unlikeGlob) ? _glob.IsMatch(name) : MatchTokens(name);
    }

    /// <summary>What every match begins with.</summary>
    public static string LiteralPrefix(ReadOnlySpan<GlobToken> tokens)
    {
        int length = 0;
        while (length < tokens.Length && tokens[length].Kind == GlobTokenKind.Literal)
        {
            length++;
        }

        return GlobPattern.LiteralOf(tokens[..length])!;
    }

    private static string LiteralSuffix(ReadOnlySpan<GlobToken> tokens)
    {
        int start = tokens.Length;
        while (start > 0 && tokens[start - 1].Kind == GlobTokenKind.Literal)
        {
            start--;
        }

        return GlobPattern.LiteralOf(tokens[start..])!;
    }

    /// <summary>Linear in the name times the pattern: only the last star is ever taken back.</summary>
    internal bool MatchTokens(ReadOnlySpan<char> name)
    {
        int position = 0, token = 0, starToken = -1, starPosition = 0;
        while (position < name.Length)
        {
            int code = GlobReader.CodePointAt(name, position, out int length);
            if (token < _tokens.Length && _tokens[token].Kind == GlobTokenKind.AnyRun)
            {
                starToken = token++;
                starPosition = position;
            }
            else if (token < _tokens.Length && _tokens[token].Takes(code))
            {
                token++;
                position += length;
            }
            else if (starToken >= 0)
            {
                GlobReader.CodePointAt(name, starPosition, out int skipped);
                starPosition += skipped;
                position = starPosition;
                token = starToken + 1;
            }
            else
            {
                return false;
            }
        }

        while (token < _tokens.Length && _tokens[token].Kind == GlobTokenKind.AnyRun)
        {
            token++;
        }

        return token == _tokens.Length;
    }

    private static Glob? TranslateToGlob(ReadOnlySpan<GlobToken> tokens)
    {
        var text = new StringBuilder(tokens.Length);
        int stars = 0;
        foreach (GlobToken token in tokens)
        {
            switch (token.Kind)
            {
                case GlobTokenKind.AnyRun:
                    if (text.Length == 0 || text[^1] != '*')
                    {
                        text.Append('*');
                        stars++;
                    }

                    break;
                case GlobTokenKind.AnyOne:
                    text.Append('?');
                    break;
                case GlobTokenKind.Class when !token.Class!.TryWriteGlob(text):
                    return null;
                case GlobTokenKind.Literal when token.CodePoint is '*' or '?' or '[':
                    text.Append('[').Append((char)token.CodePoint).Append(']');
                    break;
                case GlobTokenKind.Literal when token.CodePoint is '\\' or ']':
                    return null;
                case GlobTokenKind.Literal:
                    text.Append(token.CodePoint > char.MaxValue
                        ? char.ConvertFromUtf32(token.CodePoint)
                        : ((char)token.CodePoint).ToString());
                    break;
            }
        }

        return stars <= MaxStarsForGlob ? Glob.Parse(text.ToString()) : null;
    }
}

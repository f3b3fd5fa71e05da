// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Ignore;

/// <summary>
/// Takes a pattern apart and refuses what Go's filepath.Match refuses. Source: https://pkg.go.dev/path/filepath#Match.
/// </summary>
internal ref struct GlobReader
{
    /// <summary>As long as the longest path of the kernel (PATH_MAX).</summary>
    public const int MaxPatternLength = 4096;

    private readonly ReadOnlySpan<char> _pattern;
    private readonly bool _isDeep;
    private int _position;

    private GlobReader(ReadOnlySpan<char> pattern, bool isDeep)
    {
        _pattern = pattern;
        _isDeep = isDeep;
    }

    /// <summary>The tokens of a pattern; <paramref name="isDeep"/> gives <c>**</c> its meaning.</summary>
    /// <exception cref="FormatException">The pattern is malformed.</exception>
    public static ImmutableArray<GlobToken> Read(ReadOnlySpan<char> pattern, bool isDeep)
    {
        if (pattern.Length > MaxPatternLength)
        {
            throw new FormatException($"malformed pattern: it is longer than {MaxPatternLength} characters");
        }

        var reader = new GlobReader(pattern, isDeep);
        var tokens = ImmutableArray.CreateBuilder<GlobToken>(pattern.Length);
        while (reader._position < pattern.Length)
        {
            GlobToken token = reader.ReadToken();
            bool isRepeated = tokens.Count > 0 && tokens[^1] == token
                && token.Kind is GlobTokenKind.AnyRun or GlobTokenKind.Directories;
            if (!isRepeated)
            {
                tokens.Add(token);
            }
        }

        return tokens.DrainToImmutable();
    }

    /// <summary>
    /// The code point at an index and its length. A lone surrogate, which is how a byte that is not UTF-8 arrives,
    /// counts as one character.
    /// </summary>
    public static int CodePointAt(ReadOnlySpan<char> text, int index, out int length)
    {
        char first = text[index];
        if (char.IsHighSurrogate(first) && index + 1 < text.Length && char.IsLowSurrogate(text[index + 1]))
        {
            length = 2;
            return char.ConvertToUtf32(first, text[index + 1]);
        }

        length = 1;
        return first;
    }

    private GlobToken ReadToken()
    {
        switch (_pattern[_position])
        {
            case '*':
                _position++;
                return _isDeep && TryTake('*') ? ReadDeep() : new GlobToken(GlobTokenKind.AnyRun);
            case '?':
                _position++;
                return new GlobToken(GlobTokenKind.AnyOne);
            case '[':
                _position++;
                return new GlobToken(GlobTokenKind.Class, Class: ReadClass());
            case '\\':
                _position++;
                if (_position == _pattern.Length)
                {
                    throw Malformed("nothing follows the backslash at the end");
                }

                break;
        }

        return new GlobToken(GlobTokenKind.Literal, ReadCodePoint());
    }

    private GlobToken ReadDeep()
    {
        TryTake('/');
        return new GlobToken(_position == _pattern.Length ? GlobTokenKind.Rest : GlobTokenKind.Directories);
    }

    private CharacterClass ReadClass()
    {
        bool isNegated = TryTake('^');
        var ranges = new List<(int Low, int High)>();
        do
        {
            int low = ReadClassMember();
            ranges.Add((low, TryTake('-') ? ReadClassMember() : low));
        }
        while (!TryTake(']'));

        return new CharacterClass(isNegated, [.. ranges]);
    }

    private int ReadClassMember()
    {
        if (_position == _pattern.Length)
        {
            throw Malformed("the bracket is never closed");
        }

        if (_pattern[_position] is '-' or ']')
        {
            throw Malformed($"'{_pattern[_position]}' inside brackets needs a backslash before it");
        }

        TryTake('\\');
        if (_position == _pattern.Length)
        {
            throw Malformed("the bracket is never closed");
        }

        int member = ReadCodePoint();
        return _position < _pattern.Length ? member : throw Malformed("the bracket is never closed");
    }

    private int ReadCodePoint()
    {
        int code = CodePointAt(_pattern, _position, out int length);
        _position += length;
        return code;
    }

    private bool TryTake(char wanted)
    {
        if (_position < _pattern.Length && _pattern[_position] == wanted)
        {
            _position++;
            return true;
        }

        return false;
    }

    private readonly FormatException Malformed(string cause) =>
        new($"malformed pattern \"{_pattern}\": {cause}");
}

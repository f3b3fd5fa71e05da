// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Lines;
using Sprache;

namespace Builder.Frontend.Grammar;

/// <summary>A key and, when an equals sign follows it, a value.</summary>
internal readonly record struct KeyValueToken(Token Key, Token? Value);

/// <summary>Splits a word at its first equals sign, and a legacy <c>KEY VALUE</c> at its first blanks.</summary>
internal static class KeyValueGrammar
{
    private static readonly Parser<Token> s_value =
        from sign in Lexemes.Symbol('=')
        from value in Lexemes.Rest.Located()
        select value;

    private static readonly Parser<KeyValueToken> s_pair =
        from key in Lexemes.Run(static c => c != '=', 0).Located()
        from value in s_value.Optional()
        select new KeyValueToken(key, value.IsDefined ? value.Get() : null);

    private static readonly Parser<KeyValueToken> s_legacy =
        from key in Lexemes.Run(static c => !Lexemes.IsBlank(c)).Located()
        from between in Lexemes.Blanks
        from value in Lexemes.Rest.Located()
        select new KeyValueToken(key, value);

    /// <summary>Splits a word that stands at <paramref name="word"/> in its line.</summary>
    public static KeyValueToken Split(Token word)
    {
        KeyValueToken pair = s_pair(new TextInput(word.Text, 0)).Value;
        return new KeyValueToken(Shift(pair.Key, word.Start), pair.Value is { } value ? Shift(value, word.Start) : null);
    }

    /// <summary>Splits the rest of a line; null when there is no value.</summary>
    public static KeyValueToken? SplitLegacy(string line, int start)
    {
        IResult<KeyValueToken> result = s_legacy(new TextInput(line, start));
        return result.WasSuccessful ? result.Value : null;
    }

    private static Token Shift(Token token, int by) => token with { Start = token.Start + by, End = token.End + by };
}

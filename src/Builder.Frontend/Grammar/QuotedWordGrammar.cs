// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Lines;
using Sprache;

namespace Builder.Frontend.Grammar;

/// <summary>
/// Words of ENV, LABEL and ARG: blanks inside quotes or after the escape character belong to the word, and both stay in
/// it (expansion removes them). An escape character at the very end is dropped; an open quote ends with the line.
/// </summary>
internal sealed class QuotedWordGrammar
{
    private static readonly QuotedWordGrammar s_backslash = new('\\');
    private static readonly QuotedWordGrammar s_backtick = new('`');

    private readonly Parser<IEnumerable<Token>> _words;

    private QuotedWordGrammar(char escape)
    {
        Parser<string> escaped =
            from mark in Lexemes.Symbol(escape)
            from rest in Lexemes.Any.Select(c => $"{escape}{c}").Or(Parse.Return("").End())
            select rest;
        Parser<string> bare = Lexemes.Run(c => !char.IsWhiteSpace(c) && c != escape && c is not ('"' or '\''));
        Parser<string> piece = bare
            .Or(Quote('\'', Lexemes.Run(static c => c != '\'')))
            .Or(Quote('"', Lexemes.Run(c => c != '"' && c != escape).Or(escaped)))
            .Or(escaped);
        Parser<Token> word = piece.AtLeastOnce().Select(string.Concat).Located();
        Parser<string> blanks = Lexemes.Run(char.IsWhiteSpace, 0);
        _words =
            from before in blanks
            from words in Followed(word, blanks).Many()
            select words;
    }

    /// <summary>The words of a line from an offset on.</summary>
    public static ImmutableArray<Token> Words(string line, int start, char escape)
    {
        QuotedWordGrammar grammar = escape == '`' ? s_backtick : s_backslash;
        IResult<IEnumerable<Token>> result = grammar._words(new TextInput(line, start));
        return result.WasSuccessful ? [.. result.Value.Where(static word => word.Text.Length > 0)] : [];
    }

    private static Parser<string> Quote(char quote, Parser<string> inside) =>
        from open in Lexemes.Symbol(quote)
        from parts in inside.Many()
        from close in Lexemes.Symbol(quote).Select(c => c.ToString()).Or(Parse.Return(""))
        select $"{open}{string.Concat(parts)}{close}";

    private static Parser<Token> Followed(Parser<Token> word, Parser<string> blanks) =>
        from value in word
        from after in blanks
        select value;
}

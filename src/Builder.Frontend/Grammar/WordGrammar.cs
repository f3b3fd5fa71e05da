// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Lines;
using Sprache;

namespace Builder.Frontend.Grammar;

/// <summary>Words between blanks, as COPY, FROM or EXPOSE have them: quotes mean nothing here.</summary>
internal static class WordGrammar
{
    private static readonly Parser<Token> s_word = Lexemes.Run(static c => !Lexemes.IsBlank(c)).Located();

    private static readonly Parser<IEnumerable<Token>> s_words =
        s_word.DelimitedBy(Lexemes.Blanks).Contained(Lexemes.OptionalBlanks, Lexemes.OptionalBlanks).End();

    /// <summary>The words of a line from an offset on.</summary>
    public static ImmutableArray<Token> Words(string line, int start)
    {
        IResult<IEnumerable<Token>> result = s_words(new TextInput(line, start));
        return result.WasSuccessful ? [.. result.Value] : [];
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Lines;
using Sprache;

namespace Builder.Frontend.Grammar;

/// <summary>The smallest parsers: runs of characters taken in one step, and the places of what others parse.</summary>
internal static class Lexemes
{
    /// <summary>Blanks between words; none is fine.</summary>
    public static Parser<string> OptionalBlanks { get; } = Run(IsBlank, 0);

    /// <summary>At least one blank.</summary>
    public static Parser<string> Blanks { get; } = Run(IsBlank, 1);

    /// <summary>Everything up to the end of the line.</summary>
    public static Parser<string> Rest { get; } = Run(static _ => true, 0);

    /// <summary>A blank as the reference means it for words: no line feed, no exotic spaces.</summary>
    public static bool IsBlank(char c) => c is ' ' or '\t' or '\v' or '\f' or '\r';

    /// <summary>The longest run of characters that satisfy a condition, at least <paramref name="minimum"/>.</summary>
    public static Parser<string> Run(Func<char, bool> condition, int minimum = 1) => input =>
    {
        string source = input.Source;
        int start = input.Position;
        int end = start;
        while (end < source.Length && condition(source[end]))
        {
            end++;
        }

        return end - start < minimum
            ? Result.Failure<string>(input, "unexpected character", [])
            : Result.Success(source[start..end], ((TextInput)input).At(end));
    };

    /// <summary>One given character.</summary>
    public static Parser<char> Symbol(char symbol) => input =>
        !input.AtEnd && input.Current == symbol
            ? Result.Success(symbol, input.Advance())
            : Result.Failure<char>(input, "unexpected character", []);

    /// <summary>Any one character.</summary>
    public static Parser<char> Any { get; } = input =>
        input.AtEnd ? Result.Failure<char>(input, "unexpected end", []) : Result.Success(input.Current, input.Advance());

    /// <summary>What a parser read, with its place.</summary>
    public static Parser<Token> Located(this Parser<string> parser) => input =>
    {
        IResult<string> result = parser(input);
        return result.WasSuccessful
            ? Result.Success(
                new Token(result.Value, input.Position, result.Remainder.Position), result.Remainder)
            : Result.Failure<Token>(result.Remainder, result.Message, result.Expectations);
    };
}

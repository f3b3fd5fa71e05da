// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Lines;
using Sprache;

namespace Builder.Frontend.Grammar;

/// <summary>The flags that stand before an instruction's arguments, and where the arguments begin.</summary>
internal readonly record struct FlagList(ImmutableArray<Token> Flags, int RestStart);

/// <summary>
/// Words that begin with <c>--</c>, up to the first that does not or to a lone <c>--</c>. Quotes group and are removed;
/// a backslash (whatever the escape directive says) takes the next character as it is.
/// </summary>
internal static class FlagGrammar
{
    private const string Dashes = "--";

    private static readonly Parser<string> s_escaped =
        from mark in Lexemes.Symbol('\\')
        from rest in Lexemes.Any.Select(static c => c.ToString()).Or(Parse.Return("").End())
        select rest;

    private static readonly Parser<string> s_bare =
        Lexemes.Run(static c => !char.IsWhiteSpace(c) && c is not ('"' or '\'' or '\\'));

    private static readonly Parser<Token> s_flag =
        (from first in Lexemes.Symbol('-')
         from second in Lexemes.Symbol('-')
         from rest in s_bare.Or(Quoted('"')).Or(Quoted('\'')).Or(s_escaped).Many()
         select Dashes + string.Concat(rest)).Located();

    private static readonly Parser<string> s_blanks = Lexemes.Run(char.IsWhiteSpace, 0);

    /// <summary>Reads the flags of a line from an offset on.</summary>
    public static FlagList Read(string line, int start)
    {
        if (!StartsFlag(line, start))
        {
            return new FlagList([], start);
        }

        ImmutableArray<Token>.Builder flags = ImmutableArray.CreateBuilder<Token>();
        IInput rest = new TextInput(line, start);
        while (StartsFlag(line, rest.Position))
        {
            IResult<Token> flag = s_flag(rest);
            rest = s_blanks(flag.Remainder).Remainder;
            if (flag.Value is { Text: Dashes } end && end.End - end.Start == Dashes.Length)
            {
                break;
            }

            flags.Add(flag.Value);
        }

        return new FlagList(flags.ToImmutable(), rest.Position);
    }

    private static bool StartsFlag(string line, int position) =>
        string.CompareOrdinal(line, position, Dashes, 0, Dashes.Length) == 0;

    /// <summary>A quoted part; like docker, one that is not closed reaches to the end of the line.</summary>
    private static Parser<string> Quoted(char quote) =>
        from open in Lexemes.Symbol(quote)
        from parts in Lexemes.Run(c => c != quote && c != '\\').Or(s_escaped).Many()
        from close in Lexemes.Symbol(quote).Select(static _ => "").Or(Parse.Return(""))
        select string.Concat(parts);
}

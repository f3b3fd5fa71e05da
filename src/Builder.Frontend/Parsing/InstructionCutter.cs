// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Grammar;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>Cuts one logical line into keyword, flags and arguments, by the form that the keyword asks for.</summary>
internal static class InstructionCutter
{
    private const int MaxNesting = 8;

    /// <summary>Cuts the instruction of a line.</summary>
    /// <exception cref="SyntaxException">The arguments do not have the keyword's form.</exception>
    public static InstructionSyntax Cut(LogicalLine line, ParserContext context) => Cut(line, 0, context, 0);

    private static InstructionSyntax Cut(LogicalLine line, int start, ParserContext context, int depth)
    {
        string text = line.Text;
        int end = text.AsSpan().TrimEnd().Length;
        int keywordEnd = start;
        while (keywordEnd < end && !Lexemes.IsBlank(text[keywordEnd]))
        {
            keywordEnd++;
        }

        var keyword = new Token(text[start..keywordEnd], start, keywordEnd);
        (string name, ArgumentForm form) = InstructionKeyword.Find(keyword.Text);
        FlagList flags = FlagGrammar.Read(text, SkipWhiteSpace(text, keywordEnd));
        int restStart = Math.Min(SkipWhiteSpace(text, flags.RestStart), Math.Max(end, keywordEnd));
        restStart = Math.Max(restStart, keywordEnd);
        int restEnd = Math.Max(end, restStart);
        var syntax = new InstructionSyntax
        {
            Line = line,
            Keyword = keyword,
            Name = name,
            Form = form,
            Flags = flags.Flags,
            Rest = new Token(text[restStart..restEnd], restStart, restEnd),
        };
        return syntax.Rest.Text.Length == 0 ? syntax : WithArguments(syntax, context, depth);
    }

    private static InstructionSyntax WithArguments(InstructionSyntax syntax, ParserContext context, int depth)
    {
        string line = syntax.Line.Text[..syntax.Rest.End];
        int start = syntax.Rest.Start;
        switch (syntax.Form)
        {
            case ArgumentForm.Text:
                return syntax with { Arguments = [syntax.Rest] };
            case ArgumentForm.Words:
                return syntax with { Arguments = WordGrammar.Words(line, start) };
            case ArgumentForm.JsonOrText:
                return WithJson(syntax, line, start, context) ?? syntax with { Arguments = [syntax.Rest] };
            case ArgumentForm.JsonOrWords:
                return WithJson(syntax, line, start, context)
                    ?? syntax with { Arguments = WordGrammar.Words(line, start) };
            case ArgumentForm.QuotedWords:
                return syntax with { Arguments = QuotedWordGrammar.Words(line, start, context.EscapeCharacter) };
            case ArgumentForm.KeyValues:
                return WithPairs(syntax, line, start, context);
            case ArgumentForm.WordThenJsonOrText:
                return WithProbe(syntax, line, start, context);
            case ArgumentForm.Instruction:
                return syntax with { Nested = CutNested(syntax, context, depth + 1) };
            default:
                return syntax;
        }
    }

    private static InstructionSyntax CutNested(InstructionSyntax syntax, ParserContext context, int depth) =>
        depth <= MaxNesting
            ? Cut(syntax.Line, syntax.Rest.Start, context, depth)
            : throw syntax.Error(OnBuildParser.ChainingMessage, syntax.Keyword);

    private static InstructionSyntax? WithJson(
        InstructionSyntax syntax, string line, int start, ParserContext context)
    {
        switch (JsonArrayGrammar.Read(line, start, out ImmutableArray<Token> items))
        {
            case JsonArrayKind.Strings:
                return syntax with { Arguments = items, IsJson = true };
            case JsonArrayKind.Mixed:
                throw syntax.Error(
                    "when using JSON array syntax, arrays must be comprised of strings only",
                    syntax.Rest,
                    "put every element in double quotes");
            default:
                if (JsonArrayGrammar.LooksMeant(line, start))
                {
                    context.Warn(
                        "JSONFormIgnored",
                        "the array is no JSON, so it is taken as plain text",
                        syntax.SpanOf(syntax.Rest with { Start = start }),
                        "JSON strings stand in double quotes, and nothing may follow the closing bracket");
                }

                return null;
        }
    }

    private static InstructionSyntax WithPairs(InstructionSyntax syntax, string line, int start, ParserContext context)
    {
        ImmutableArray<Token> words = QuotedWordGrammar.Words(line, start, context.EscapeCharacter);
        if (words.IsEmpty)
        {
            return syntax;
        }

        if (!words[0].Text.Contains('=', StringComparison.Ordinal))
        {
            KeyValueToken legacy = KeyValueGrammar.SplitLegacy(line, start)
                ?? throw syntax.Error($"{syntax.Name} must have two arguments", syntax.Rest, $"write {syntax.Name} KEY=VALUE");
            return syntax with { Pairs = [(legacy.Key, legacy.Value!.Value)], IsLegacyForm = true };
        }

        ImmutableArray<(Token Key, Token Value)>.Builder pairs =
            ImmutableArray.CreateBuilder<(Token Key, Token Value)>(words.Length);
        foreach (Token word in words)
        {
            KeyValueToken pair = KeyValueGrammar.Split(word);
            pairs.Add((pair.Key, pair.Value ?? throw syntax.Error(
                $"syntax error: can't find = in \"{word.Text}\", must be of the form: name=value",
                word,
                "put quotes around a value that has blanks")));
        }

        return syntax with { Pairs = pairs.MoveToImmutable() };
    }

    /// <summary>HEALTHCHECK: the word stays the first argument.</summary>
    private static InstructionSyntax WithProbe(
        InstructionSyntax syntax, string line, int start, ParserContext context)
    {
        int end = start;
        while (end < line.Length && !char.IsWhiteSpace(line[end]))
        {
            end++;
        }

        var word = new Token(line[start..end], start, end);
        int next = SkipWhiteSpace(line, end);
        if (next >= line.Length)
        {
            return syntax with { Arguments = [word] };
        }

        InstructionSyntax? json = WithJson(syntax, line, next, context);
        return json is not null
            ? json with { Arguments = json.Arguments.Insert(0, word) }
            : syntax with { Arguments = [word, new Token(line[next..], next, line.Length)] };
    }

    private static int SkipWhiteSpace(string text, int start)
    {
        int position = start;
        while (position < text.Length && char.IsWhiteSpace(text[position]))
        {
            position++;
        }

        return position;
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>An instruction cut into keyword, flags and arguments; what they mean is not looked at yet.</summary>
internal sealed record InstructionSyntax
{
    /// <summary>The line it stands on.</summary>
    public required LogicalLine Line { get; init; }

    /// <summary>The keyword as written.</summary>
    public required Token Keyword { get; init; }

    /// <summary>The keyword in upper case, when it is known.</summary>
    public required string Name { get; init; }

    /// <summary>How the arguments were cut.</summary>
    public required ArgumentForm Form { get; init; }

    /// <summary>The flags, quotes removed, <c>--</c> included.</summary>
    public required ImmutableArray<Token> Flags { get; init; }

    /// <summary>What follows the flags, without the blanks around it.</summary>
    public required Token Rest { get; init; }

    /// <summary>The arguments: words, or one text, or the strings of an array.</summary>
    public ImmutableArray<Token> Arguments { get; init; } = [];

    /// <summary>The arguments of ENV and LABEL.</summary>
    public ImmutableArray<(Token Key, Token Value)> Pairs { get; init; } = [];

    /// <summary>True for <c>ENV KEY VALUE</c>.</summary>
    public bool IsLegacyForm { get; init; }

    /// <summary>True when the arguments stood in a JSON array.</summary>
    public bool IsJson { get; init; }

    /// <summary>The instruction after ONBUILD.</summary>
    public InstructionSyntax? Nested { get; init; }

    /// <summary>The here-documents; for ONBUILD those of the instruction after it.</summary>
    public ImmutableArray<HeredocBody> Heredocs { get; init; } = [];

    /// <summary>The end of the line that ends the last here-document; null without any.</summary>
    public SourcePosition? HeredocEnd { get; init; }

    /// <summary>The whole instruction, from the keyword on.</summary>
    public SourceSpan Span
    {
        get
        {
            SourceSpan line = Line.SpanOf(Keyword.Start, Math.Max(Keyword.End, Rest.End));
            return HeredocEnd is { } end ? line with { End = end } : line;
        }
    }

    /// <summary>The text of the instruction without here-documents.</summary>
    public string Text => Line.Text[Keyword.Start..].TrimEnd();

    /// <summary>The place of a token.</summary>
    public SourceSpan SpanOf(Token token) => Line.SpanOf(token);

    /// <summary>A token as instructions hold it.</summary>
    public Word ToWord(Token token) => new(token.Text, SpanOf(token));

    /// <summary>The arguments as instructions hold them.</summary>
    public ImmutableArray<Word> Words() => [.. Arguments.Select(ToWord)];

    /// <summary>Leaves the instruction because of what stands at a token.</summary>
    public SyntaxException Error(string message, Token at, string? hint = null) => new(message, SpanOf(at), hint);

    /// <summary>Leaves the instruction because of the whole of it.</summary>
    public SyntaxException Error(string message, string? hint = null) =>
        new(message, Line.SpanOf(Keyword.Start, Math.Max(Keyword.End, Rest.End)), hint);
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;

namespace Builder.Frontend.Parsing;

/// <summary>EXPOSE and VOLUME: a list of words, at least one.</summary>
internal static class ListParser
{
    public static ExposeInstruction ParseExpose(InstructionSyntax syntax) => new()
    {
        Span = syntax.Span,
        Keyword = syntax.Keyword.Text,
        Text = syntax.Text,
        Comments = syntax.Line.Comments,
        Ports = Words(syntax),
    };

    public static VolumeInstruction ParseVolume(InstructionSyntax syntax)
    {
        ImmutableArray<Word> paths = [.. Words(syntax).Select(static word => word with { Text = word.Text.Trim() })];
        return paths.FirstOrDefault(static path => path.Text.Length == 0) is { } empty
            ? throw new SyntaxException("VOLUME specified can not be an empty string", empty.Span)
            : new VolumeInstruction
            {
                Span = syntax.Span,
                Keyword = syntax.Keyword.Text,
                Text = syntax.Text,
                Comments = syntax.Line.Comments,
                Paths = paths,
            };
    }

    private static ImmutableArray<Word> Words(InstructionSyntax syntax)
    {
        FlagValues.Read(syntax);
        return syntax.Arguments.IsEmpty
            ? throw syntax.Error($"{syntax.Name} requires at least one argument")
            : syntax.Words();
    }
}

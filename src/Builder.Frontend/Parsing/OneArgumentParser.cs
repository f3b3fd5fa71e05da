// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Parsing;

/// <summary>USER, WORKDIR, STOPSIGNAL and MAINTAINER: the rest of the line is the argument.</summary>
internal static class OneArgumentParser
{
    public static UserInstruction ParseUser(InstructionSyntax syntax) => new()
    {
        Span = syntax.Span,
        Keyword = syntax.Keyword.Text,
        Text = syntax.Text,
        Comments = syntax.Line.Comments,
        User = Argument(syntax),
    };

    public static WorkdirInstruction ParseWorkdir(InstructionSyntax syntax) => new()
    {
        Span = syntax.Span,
        Keyword = syntax.Keyword.Text,
        Text = syntax.Text,
        Comments = syntax.Line.Comments,
        Path = Argument(syntax),
    };

    public static StopSignalInstruction ParseStopSignal(InstructionSyntax syntax) => new()
    {
        Span = syntax.Span,
        Keyword = syntax.Keyword.Text,
        Text = syntax.Text,
        Comments = syntax.Line.Comments,
        Signal = Argument(syntax),
    };

    public static MaintainerInstruction ParseMaintainer(InstructionSyntax syntax) => new()
    {
        Span = syntax.Span,
        Keyword = syntax.Keyword.Text,
        Text = syntax.Text,
        Comments = syntax.Line.Comments,
        Name = Argument(syntax),
    };

    private static Word Argument(InstructionSyntax syntax)
    {
        FlagValues.Read(syntax);
        return syntax.Arguments.Length == 1
            ? syntax.ToWord(syntax.Arguments[0])
            : throw syntax.Error($"{syntax.Name} requires exactly one argument");
    }
}

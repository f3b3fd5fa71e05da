// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>CMD, ENTRYPOINT and SHELL, and the two forms of a command.</summary>
internal static class CommandParser
{
    public static CmdInstruction ParseCmd(InstructionSyntax syntax)
    {
        FlagValues.Read(syntax);
        return new CmdInstruction
        {
            Span = syntax.Span,
            Keyword = syntax.Keyword.Text,
            Text = syntax.Text,
            Comments = syntax.Line.Comments,
            Command = Command(syntax, 0),
        };
    }

    public static EntrypointInstruction ParseEntrypoint(InstructionSyntax syntax)
    {
        FlagValues.Read(syntax);
        return new EntrypointInstruction
        {
            Span = syntax.Span,
            Keyword = syntax.Keyword.Text,
            Text = syntax.Text,
            Comments = syntax.Line.Comments,
            Command = Command(syntax, 0),
        };
    }

    public static ShellInstruction ParseShell(InstructionSyntax syntax)
    {
        FlagValues.Read(syntax);
        if (syntax.Arguments.IsEmpty)
        {
            throw syntax.Error("SHELL requires at least one argument");
        }

        if (!syntax.IsJson)
        {
            throw syntax.Error(
                "SHELL requires the arguments to be in JSON form", syntax.Rest, "write SHELL [\"/bin/bash\", \"-c\"]");
        }

        return new ShellInstruction
        {
            Span = syntax.Span,
            Keyword = syntax.Keyword.Text,
            Text = syntax.Text,
            Comments = syntax.Line.Comments,
            Shell = [.. syntax.Arguments.Select(static argument => argument.Text)],
        };
    }

    /// <summary>The command that the arguments from an index on make; without any it is an empty line.</summary>
    public static CommandForm Command(InstructionSyntax syntax, int from)
    {
        IEnumerable<Token> arguments = syntax.Arguments.Skip(from);
        return syntax.IsJson
            ? new ExecForm([.. arguments.Select(static argument => argument.Text)])
            : new ShellForm(string.Join(' ', arguments.Select(static argument => argument.Text)));
    }
}

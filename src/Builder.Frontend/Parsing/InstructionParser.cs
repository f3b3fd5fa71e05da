// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>Gives a cut instruction its meaning.</summary>
internal static class InstructionParser
{
    /// <summary>Parses any instruction.</summary>
    /// <exception cref="SyntaxException">It is unknown, or its flags or arguments are wrong.</exception>
    public static Instruction Parse(InstructionSyntax syntax, ParserContext context) => syntax.Name switch
    {
        InstructionKeyword.Add => TransferParser.ParseAdd(syntax),
        InstructionKeyword.Arg => VariableParser.ParseArg(syntax),
        InstructionKeyword.Cmd => CommandParser.ParseCmd(syntax),
        InstructionKeyword.Copy => TransferParser.ParseCopy(syntax),
        InstructionKeyword.Entrypoint => CommandParser.ParseEntrypoint(syntax),
        InstructionKeyword.Env => VariableParser.ParseEnv(syntax),
        InstructionKeyword.Expose => ListParser.ParseExpose(syntax),
        InstructionKeyword.From => FromParser.Parse(syntax),
        InstructionKeyword.Healthcheck => HealthcheckParser.Parse(syntax, context),
        InstructionKeyword.Label => VariableParser.ParseLabel(syntax),
        InstructionKeyword.Maintainer => OneArgumentParser.ParseMaintainer(syntax),
        InstructionKeyword.OnBuild => OnBuildParser.Parse(syntax, context),
        InstructionKeyword.Run => RunParser.Parse(syntax, context),
        InstructionKeyword.Shell => CommandParser.ParseShell(syntax),
        InstructionKeyword.StopSignal => OneArgumentParser.ParseStopSignal(syntax),
        InstructionKeyword.User => OneArgumentParser.ParseUser(syntax),
        InstructionKeyword.Volume => ListParser.ParseVolume(syntax),
        InstructionKeyword.Workdir => OneArgumentParser.ParseWorkdir(syntax),
        _ => throw syntax.Error(
            $"unknown instruction: {syntax.Keyword.Text}",
            syntax.Keyword,
            Suggest(syntax) is { } suggestion ? $"did you mean {suggestion}?"
                : (syntax.Line.IsIndented ? $"does the line above lack a {context.EscapeCharacter} at its end?" : null)),
    };

    /// <summary>The keyword that an unknown one is near to, or null.</summary>
    public static string? Suggest(InstructionSyntax syntax) =>
        Spelling.Suggest(syntax.Name, InstructionKeyword.All, ignoreCase: true);
}

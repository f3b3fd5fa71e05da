// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;
using Builder.Frontend.Parsing;

namespace Builder.Frontend;

/// <summary>Turns the text of a Dockerfile into stages of typed instructions.</summary>
public static class DockerfileParser
{
    /// <summary>Parses a whole Dockerfile.</summary>
    /// <exception cref="DockerfileException">The text has errors; all that could be found soundly are in it.</exception>
    public static Dockerfile Parse(SourceText source)
    {
        var context = new ParserContext(source);
        RefuseForeign(source, context);
        var reader = new SyntaxReader(context);
        var stages = new StageCollector(context);
        bool any = false;
        foreach (InstructionSyntax syntax in reader.ReadAll())
        {
            any = true;
            stages.Add(syntax);
        }

        if (!any && !context.HasErrors)
        {
            context.Report(
                source.Text.Length == 0 ? "the Dockerfile cannot be empty" : "file with no instructions",
                SourceSpan.Lines(1, 1),
                "begin with FROM");
        }

        stages.Complete();
        context.ThrowIfFailed();
        return new Dockerfile
        {
            Source = source,
            EscapeCharacter = context.EscapeCharacter,
            Syntax = reader.Directives.Syntax,
            Check = reader.Directives.Check,
            GlobalArgs = stages.GlobalArgs,
            Stages = stages.Stages,
            Warnings = context.Warnings,
        };
    }

    /// <summary>
    /// Parses one instruction as an image config's OnBuild list records it (with heredoc bodies); the result has
    /// <see cref="Instruction.IsFromOnBuild"/> set.
    /// </summary>
    /// <exception cref="DockerfileException">The trigger is malformed or not allowed in ONBUILD.</exception>
    public static Instruction ParseTrigger(string trigger, string imageName)
    {
        var source = new SourceText($"ONBUILD of {imageName}", trigger);
        var context = new ParserContext(source);
        ImmutableArray<InstructionSyntax> instructions = [.. new SyntaxReader(context).ReadAll()];
        context.ThrowIfFailed();
        if (instructions.Length != 1)
        {
            context.Report("an ONBUILD trigger should be a single instruction", SourceSpan.Lines(1, 1));
            context.ThrowIfFailed();
        }

        Instruction? instruction = null;
        try
        {
            OnBuildParser.RefuseForbidden(instructions[0]);
            instruction = InstructionParser.Parse(instructions[0], context);
        }
        catch (SyntaxException exception)
        {
            context.Report(exception.Diagnostic);
        }

        context.ThrowIfFailed();
        return instruction! with { IsFromOnBuild = true };
    }

    private static void RefuseForeign(SourceText source, ParserContext context)
    {
        if (ParserDirectives.ForeignSyntax(source.Text) is { } syntax)
        {
            context.Report(
                $"read {source.Name}: its syntax is \"{syntax}\", not a Dockerfile",
                SourceSpan.Lines(1, 1),
                "frontend images are not run: give a Dockerfile");
            context.ThrowIfFailed();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>InvalidDefinitionDescription.</summary>
internal sealed class DescriptionCheck : LintCheck
{
    public override void VisitFile(LintWalk walk)
    {
        foreach (ArgInstruction arg in walk.Dockerfile.GlobalArgs)
        {
            CheckArg(walk, arg);
        }

        foreach (Stage stage in walk.Dockerfile.Stages)
        {
            if (stage.Name is { } name)
            {
                Check(walk, stage.From, "FROM", [name]);
            }

            foreach (ArgInstruction arg in stage.Instructions.OfType<ArgInstruction>())
            {
                CheckArg(walk, arg);
            }
        }
    }

    private static void CheckArg(LintWalk walk, ArgInstruction arg) =>
        Check(walk, arg, "ARG", [.. arg.Definitions.Select(definition => definition.Key.Text)]);

    private static void Check(LintWalk walk, Instruction instruction, string keyword, string[] names)
    {
        string? comment = LintWalk.DescriptionsOf(instruction).LastOrDefault();
        if (comment is null || names.Contains(comment.Split(' ')[0]))
        {
            return;
        }

        string example = names.Length > 1 ? "<arg_key>" : names[0];
        walk.Report(
            LintRules.InvalidDefinitionDescription,
            $"Comment for {keyword} should follow the format: `# {example} <description>`",
            instruction.Span,
            instruction);
    }
}

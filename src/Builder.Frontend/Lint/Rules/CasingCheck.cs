// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>FromAsCasing and ConsistentInstructionCasing.</summary>
internal sealed class CasingCheck : LintCheck
{
    public override void VisitFile(LintWalk walk)
    {
        Instruction[] instructions =
            [.. walk.Dockerfile.Stages.SelectMany(stage => stage.Instructions.Prepend(stage.From))];
        int lower = instructions.Count(instruction => IsLower(instruction.Keyword));
        int upper = instructions.Count(instruction => IsUpper(instruction.Keyword));
        bool wantsLower = lower > upper;
        foreach (Instruction instruction in instructions)
        {
            if (!(wantsLower ? IsLower(instruction.Keyword) : IsUpper(instruction.Keyword)))
            {
                walk.Report(
                    LintRules.ConsistentInstructionCasing,
                    $"Command '{instruction.Keyword}' should match the case of the command majority "
                        + (wantsLower ? "(lowercase)" : "(uppercase)"),
                    KeywordSpan(instruction),
                    instruction);
            }

            if (instruction is FromInstruction { StageName: not null } from)
            {
                CheckAs(walk, from);
            }
        }
    }

    private static void CheckAs(LintWalk walk, FromInstruction from)
    {
        // The word before the last: FROM [--platform=P] IMAGE AS NAME.
        string keyword = from.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[^2];
        bool isMixed = !IsLower(from.Keyword) && !IsUpper(from.Keyword);
        if (!isMixed && !(IsLower(from.Keyword) ? IsLower(keyword) : IsUpper(keyword)))
        {
            walk.Report(
                LintRules.FromAsCasing, $"'{keyword}' and '{from.Keyword}' keywords' casing do not match", from.Span, from);
        }
    }

    private static SourceSpan KeywordSpan(Instruction instruction)
    {
        SourcePosition start = instruction.Span.Start;
        return new SourceSpan(start, start with { Column = start.Column + instruction.Keyword.Length });
    }

    private static bool IsLower(string word) => !word.Any(char.IsUpper);

    private static bool IsUpper(string word) => !word.Any(char.IsLower);
}

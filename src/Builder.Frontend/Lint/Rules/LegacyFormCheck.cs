// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>LegacyKeyValueFormat.</summary>
internal sealed class LegacyFormCheck : LintCheck
{
    public override void Visit(LintWalk walk, StageState state, Instruction instruction)
    {
        if (instruction is EnvInstruction { IsLegacyForm: true } or LabelInstruction { IsLegacyForm: true })
        {
            string keyword = instruction.Keyword.ToUpperInvariant();
            walk.Report(
                LintRules.LegacyKeyValueFormat,
                $"\"{keyword} key=value\" should be used instead of legacy \"{keyword} key value\" format",
                instruction.Span,
                instruction);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>JSONArgsRecommended, MultipleInstructionsDisallowed and MaintainerDeprecated.</summary>
internal sealed class CommandsCheck : LintCheck
{
    public override void VisitStage(LintWalk walk, StageState state)
    {
        Warn<CmdInstruction>(walk, state.Stage, "CMD");
        Warn<EntrypointInstruction>(walk, state.Stage, "ENTRYPOINT");
        Warn<HealthcheckInstruction>(walk, state.Stage, "HEALTHCHECK");
    }

    public override void Visit(LintWalk walk, StageState state, Instruction instruction)
    {
        switch (instruction)
        {
            case CmdInstruction { Command: ShellForm }:
                RecommendJson(walk, state, instruction, "CMD");
                break;
            case EntrypointInstruction { Command: ShellForm }:
                RecommendJson(walk, state, instruction, "ENTRYPOINT");
                break;
            case MaintainerInstruction:
                walk.Report(
                    LintRules.MaintainerDeprecated,
                    "Maintainer instruction is deprecated in favor of using label",
                    instruction.Span,
                    instruction);
                break;
        }
    }

    private static void RecommendJson(LintWalk walk, StageState state, Instruction instruction, string keyword)
    {
        // With a SHELL of its own the stage has said that a shell is meant.
        if (!state.HasShell)
        {
            walk.Report(
                LintRules.JsonArgsRecommended,
                $"JSON arguments recommended for {keyword} to prevent unintended behavior related to OS signals",
                instruction.Span,
                instruction);
        }
    }

    private static void Warn<T>(LintWalk walk, Stage stage, string keyword)
        where T : Instruction
    {
        foreach (T superseded in stage.Instructions.OfType<T>().SkipLast(1))
        {
            walk.Report(
                LintRules.MultipleInstructionsDisallowed,
                $"Multiple {keyword} instructions should not be used in the same stage because only the last one will be "
                    + "used",
                superseded.Span,
                superseded);
        }
    }
}

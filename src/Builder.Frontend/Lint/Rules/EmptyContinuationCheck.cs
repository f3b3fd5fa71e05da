// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>NoEmptyContinuation: the parser saw it, because afterwards the lines are joined.</summary>
internal sealed class EmptyContinuationCheck : LintCheck
{
    public override void VisitFile(LintWalk walk)
    {
        foreach (Diagnostic warning in walk.Dockerfile.Warnings)
        {
            if (warning.Code == LintRules.NoEmptyContinuation.Name)
            {
                walk.Report(
                    LintRules.NoEmptyContinuation, "Empty continuation line", warning.Span, Owner(walk, warning.Span));
            }
        }
    }

    private static Instruction? Owner(LintWalk walk, SourceSpan? span) =>
        span is { } place
            ? walk.Dockerfile.Stages.SelectMany(stage => stage.Instructions.Prepend(stage.From))
                .LastOrDefault(instruction => instruction.Span.Start.Line <= place.Start.Line)
            : null;
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>
/// NoEmptyContinuation, JSONFormIgnored, SyntaxIgnored and UnusedFlag: the parser saw them, because afterwards they can
/// no longer be seen.
/// </summary>
internal sealed class ParserWarningsCheck : LintCheck
{
    public override void VisitFile(LintWalk walk)
    {
        foreach (Diagnostic warning in walk.Dockerfile.Warnings)
        {
            if (LintRule.Find(warning.Code) is { } rule)
            {
                string message = rule == LintRules.NoEmptyContinuation ? "Empty continuation line" : warning.Message;
                walk.Report(rule, message, warning.Span, Owner(walk, warning.Span), warning.Hint);
            }
        }
    }

    private static Instruction? Owner(LintWalk walk, SourceSpan? span) =>
        span is { } place
            ? walk.Dockerfile.Stages.SelectMany(stage => stage.Instructions.Prepend(stage.From))
                .LastOrDefault(instruction => instruction.Span.Start.Line <= place.Start.Line)
            : null;
}

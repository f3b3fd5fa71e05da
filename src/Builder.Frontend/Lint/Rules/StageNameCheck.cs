// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>StageNameCasing, DuplicateStageName, ReservedStageName.</summary>
internal sealed class StageNameCheck : LintCheck
{
    public override void VisitFile(LintWalk walk)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (Stage stage in walk.Dockerfile.Stages)
        {
            if (stage.From.StageName is not { } word)
            {
                continue;
            }

            FromInstruction from = stage.From;
            string name = stage.Name!;
            if (word.Text != name)
            {
                walk.Report(
                    LintRules.StageNameCasing, $"Stage name '{word.Text}' should be lowercase", word.Span, from);
            }

            if (name is "scratch" or "context")
            {
                walk.Report(
                    LintRules.ReservedStageName,
                    $"Stage name should not use the same name as reserved stage \"{name}\"",
                    word.Span,
                    from);
            }

            if (!seen.Add(name))
            {
                walk.Report(
                    LintRules.DuplicateStageName,
                    $"Duplicate stage name \"{name}\", stage names should be unique",
                    word.Span,
                    from);
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Expansion;
using Builder.Frontend.Instructions;
using Builder.Frontend.Naming;

namespace Builder.Frontend.Lint.Rules;

/// <summary>RedundantTargetPlatform, FromPlatformFlagConstDisallowed and InvalidBaseImagePlatform.</summary>
internal sealed class FromPlatformCheck : LintCheck
{
    private const string TargetPlatform = "TARGETPLATFORM";

    public override void VisitFile(LintWalk walk)
    {
        foreach (Stage stage in walk.Dockerfile.Stages)
        {
            if (stage.From.Platform is not { } word)
            {
                continue;
            }

            var trace = new ExpansionTrace();
            string? value = walk.Expander.TryExpand(word.Text, walk.Globals.Values, trace);
            if (trace.Used.Count == 0 && trace.Unmatched.Count == 0)
            {
                CheckConstant(walk, stage, word, value);
            }
            else if (trace.Used.SetEquals([TargetPlatform]) && value == walk.Globals.Values.Find(TargetPlatform))
            {
                walk.Report(
                    LintRules.RedundantTargetPlatform,
                    $"Setting platform to predefined {word.Text} in FROM is redundant as this is the default behavior",
                    word.Span,
                    stage.From);
            }
        }
    }

    public override void VisitStage(LintWalk walk, StageState state)
    {
        Platform wanted = state.Platform;
        if (state.BasePlatform is { } actual && (actual.Os != wanted.Os || actual.Architecture != wanted.Architecture))
        {
            FromInstruction from = state.Stage.From;
            walk.Report(
                LintRules.InvalidBaseImagePlatform,
                $"Base image {walk.Links.ImageOf(state.Stage)} was pulled with platform \"{actual}\", expected \"{wanted}\" "
                    + "for current build",
                from.Image.Span,
                from);
        }
    }

    private static void CheckConstant(LintWalk walk, Stage stage, Word word, string? value)
    {
        if (value is null || walk.TryParsePlatform(value) is not { } platform)
        {
            return;
        }

        // A stage named after its platform is for that platform on purpose.
        string name = stage.Name ?? "";
        if (!name.Contains(platform.Os, StringComparison.Ordinal)
            && !name.Contains(platform.Architecture, StringComparison.Ordinal))
        {
            walk.Report(
                LintRules.FromPlatformFlagConstDisallowed,
                $"FROM --platform flag should not use constant value \"{value}\"",
                word.Span,
                stage.From);
        }
    }
}

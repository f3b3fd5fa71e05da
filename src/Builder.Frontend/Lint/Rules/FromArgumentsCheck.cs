// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Expansion;
using Builder.Frontend.Instructions;
using Builder.Frontend.Naming;

namespace Builder.Frontend.Lint.Rules;

/// <summary>UndefinedArgInFrom and InvalidDefaultArgInFrom.</summary>
internal sealed class FromArgumentsCheck : LintCheck
{
    public override void VisitFile(LintWalk walk)
    {
        foreach (Stage stage in walk.Dockerfile.Stages)
        {
            FromInstruction from = stage.From;
            CheckDeclared(walk, from, from.Image);
            if (from.Platform is { } platform)
            {
                CheckDeclared(walk, from, platform);
            }

            string? image = walk.Expander.TryExpand(from.Image.Text, walk.DefaultGlobals.Values);
            if (image is not null && !ImageReference.TryParse(image, out _))
            {
                walk.Report(
                    LintRules.InvalidDefaultArgInFrom,
                    $"Default value for ARG {from.Image.Text} results in empty or invalid base image name",
                    from.Image.Span,
                    from);
            }
        }
    }

    private static void CheckDeclared(LintWalk walk, FromInstruction from, Word word)
    {
        var trace = new ExpansionTrace();
        walk.Expander.TryExpand(word.Text, walk.Globals.Values, trace);
        foreach (string name in trace.Unmatched.Where(name => !walk.Globals.Declared.Contains(name)))
        {
            string? suggestion = Spelling.Suggest(name, walk.Globals.Declared);
            walk.Report(
                LintRules.UndefinedArgInFrom,
                $"FROM argument '{name}' is not declared" + (suggestion is null ? "" : $" (did you mean {suggestion}?)"),
                word.Span,
                from);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Expansion;
using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>UndefinedVar.</summary>
internal sealed class VariablesCheck : LintCheck
{
    private static readonly HashSet<string> s_neverInEnvironment =
        new(StringComparer.Ordinal) { "BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE" };

    public override void Visit(LintWalk walk, StageState state, Instruction instruction)
    {
        if (!state.IsEnvironmentKnown)
        {
            return;
        }

        if (instruction is ArgInstruction arg)
        {
            // Each default sees the ARGs before it on the same line.
            var declared = new HashSet<string>(StringComparer.Ordinal);
            foreach (KeyValueWord definition in arg.Definitions)
            {
                bool isOverridden = walk.Options.BuildArgs.ContainsKey(definition.Key.Text);
                if (definition.Value is { } value && !isOverridden)
                {
                    Check(walk, state, instruction, value.Span, walk.Expander.Trace(value.Text, state.Variables), declared);
                }

                declared.Add(definition.Key.Text);
            }

            return;
        }

        foreach (Word word in ExpandedWords.Of(instruction))
        {
            Check(walk, state, instruction, word.Span, walk.Expander.Trace(word.Text, state.Variables), []);
        }

        if (instruction is TransferInstruction transfer)
        {
            foreach (Heredoc heredoc in transfer.Heredocs.Where(heredoc => heredoc.Expand))
            {
                var trace = new ExpansionTrace();
                walk.Expander.TryExpandHeredoc(heredoc.Content, state.Variables, trace);
                Check(walk, state, instruction, heredoc.Span, trace, []);
            }
        }
    }

    private static void Check(
        LintWalk walk,
        StageState state,
        Instruction instruction,
        SourceSpan span,
        ExpansionTrace trace,
        HashSet<string> alsoDeclared)
    {
        foreach (string name in trace.Unmatched)
        {
            if (state.Declared.Contains(name) || alsoDeclared.Contains(name) || s_neverInEnvironment.Contains(name))
            {
                continue;
            }

            string? suggestion = Spelling.Suggest(name, state.Variables.Names);
            walk.Report(
                LintRules.UndefinedVar,
                $"Usage of undefined variable '${name}'"
                    + (suggestion is null ? "" : $" (did you mean ${suggestion}?)"),
                span,
                instruction);
        }
    }
}

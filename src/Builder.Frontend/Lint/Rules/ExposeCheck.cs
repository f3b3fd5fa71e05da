// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>ExposeProtoCasing and ExposeInvalidFormat.</summary>
internal sealed class ExposeCheck : LintCheck
{
    public override void Visit(LintWalk walk, StageState state, Instruction instruction)
    {
        if (instruction is not ExposeInstruction expose)
        {
            return;
        }

        foreach (Word word in expose.Ports)
        {
            foreach (string port in Expand(walk, state, word))
            {
                Check(walk, expose, word, port);
            }
        }
    }

    private static ImmutableArray<string> Expand(LintWalk walk, StageState state, Word word)
    {
        try
        {
            return walk.Expander.ExpandToWords(word.Text, state.Variables);
        }
        catch (FormatException)
        {
            return [];
        }
    }

    private static void Check(LintWalk walk, ExposeInstruction expose, Word word, string port)
    {
        int slash = port.IndexOf('/', StringComparison.Ordinal);
        string protocol = slash < 0 ? "" : port[(slash + 1)..];
        if (protocol.Any(char.IsUpper))
        {
            walk.Report(
                LintRules.ExposeProtoCasing,
                $"Defined protocol '{port}' in EXPOSE instruction should be lowercase",
                word.Span,
                expose);
        }

        if (port.Contains(':', StringComparison.Ordinal))
        {
            walk.Report(
                LintRules.ExposeInvalidFormat,
                $"EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'",
                word.Span,
                expose);
        }
    }
}

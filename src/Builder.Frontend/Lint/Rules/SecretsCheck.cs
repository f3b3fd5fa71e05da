// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>SecretsUsedInArgOrEnv: judged by the name, never by the value.</summary>
internal sealed class SecretsCheck : LintCheck
{
    private static readonly HashSet<string> s_secretWords = new(StringComparer.OrdinalIgnoreCase)
    {
        "apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token",
    };

    private static readonly HashSet<string> s_harmlessWords =
        new(StringComparer.OrdinalIgnoreCase) { "public", "file", "version" };

    public override void Visit(LintWalk walk, StageState state, Instruction instruction)
    {
        (string keyword, IEnumerable<KeyValueWord> pairs) = instruction switch
        {
            ArgInstruction arg => ("ARG", arg.Definitions),
            EnvInstruction env => ("ENV", env.Variables),
            _ => ("", Enumerable.Empty<KeyValueWord>()),
        };
        foreach (KeyValueWord pair in pairs)
        {
            string[] words = pair.Key.Text.Split('_');
            if (words.Any(s_secretWords.Contains) && !words.Any(s_harmlessWords.Contains))
            {
                walk.Report(
                    LintRules.SecretsUsedInArgOrEnv,
                    $"Do not use ARG or ENV instructions for sensitive data ({keyword} \"{pair.Key.Text}\")",
                    pair.Key.Span,
                    instruction);
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Peers;

/// <summary>Finds the forms of <c>${name...}</c> in a word that not every builder knows.</summary>
internal static class ExpansionForms
{
    public static IEnumerable<(Feature Feature, SourceSpan Span)> Find(Word word)
    {
        string text = word.Text;
        for (int i = text.IndexOf("${", StringComparison.Ordinal); i >= 0; i = text.IndexOf("${", i + 2, StringComparison.Ordinal))
        {
            int end = i + 2;
            while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '_'))
            {
                end++;
            }

            Feature? form = text.AsSpan(end) switch
            {
                [':', '?', ..] or ['?', ..] => Feature.RequiredExpansion,
                ['-', ..] or ['+', ..] => Feature.AlternativeExpansion,
                ['/', ..] => Feature.ReplacingExpansion,
                _ => null,
            };
            if (form is { } feature)
            {
                yield return (feature, word.Span);
            }
        }
    }
}

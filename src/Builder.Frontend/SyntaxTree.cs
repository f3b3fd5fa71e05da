// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using Builder.Frontend.Lines;
using Builder.Frontend.Parsing;

namespace Builder.Frontend;

/// <summary>
/// Prints how a Dockerfile was cut: one S-expression per instruction, such as <c>(copy ["--from=x"] "a" "b")</c>. What
/// the words mean is not checked. The form is that of BuildKit's parser tests, for <c>bld debug parse</c>.
/// </summary>
public static class SyntaxTree
{
    /// <summary>The tree of a text, one instruction per line.</summary>
    /// <exception cref="DockerfileException">The text cannot be cut into instructions.</exception>
    public static string Print(SourceText source)
    {
        var context = new ParserContext(source);
        var tree = new StringBuilder();
        foreach (InstructionSyntax syntax in new SyntaxReader(context).ReadAll())
        {
            AppendInstruction(tree, syntax);
            tree.Append('\n');
        }

        if (tree.Length == 0 && !context.HasErrors)
        {
            context.Report("file with no instructions", SourceSpan.Lines(1, 1));
        }

        context.ThrowIfFailed();
        return tree.ToString();
    }

    private static void AppendInstruction(StringBuilder tree, InstructionSyntax syntax)
    {
        tree.Append('(').Append(syntax.Keyword.Text.ToLowerInvariant());
        if (!syntax.Flags.IsEmpty)
        {
            tree.Append(" [");
            for (int i = 0; i < syntax.Flags.Length; i++)
            {
                AppendQuoted(tree.Append(i == 0 ? "" : " "), syntax.Flags[i].Text);
            }

            tree.Append(']');
        }

        foreach (Token argument in syntax.Arguments)
        {
            AppendQuoted(tree.Append(' '), argument.Text);
        }

        foreach ((Token key, Token value) in syntax.Pairs)
        {
            AppendQuoted(tree.Append(' '), key.Text);
            AppendQuoted(tree.Append(' '), value.Text);
            AppendQuoted(tree.Append(' '), syntax.IsLegacyForm ? "" : "=");
        }

        if (syntax.Form == ArgumentForm.Unknown)
        {
            tree.Append(" \"\"");
        }

        if (syntax.Nested is not null)
        {
            AppendInstruction(tree.Append(' '), syntax.Nested);
        }

        tree.Append(')');
    }

    /// <summary>A string as Go's strconv.Quote writes it.</summary>
    private static void AppendQuoted(StringBuilder tree, string text)
    {
        tree.Append('"');
        foreach (Rune rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '"' or '\\':
                    tree.Append('\\').Append((char)rune.Value);
                    break;
                case >= '\a' and <= '\r':
                    tree.Append('\\').Append("abtnvfr"[rune.Value - '\a']);
                    break;
                case < ' ' or 0x7F:
                    tree.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}");
                    break;
                case var _ when IsPrintable(rune):
                    tree.Append(rune.ToString());
                    break;
                case > char.MaxValue:
                    tree.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}");
                    break;
                default:
                    tree.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
                    break;
            }
        }

        tree.Append('"');
    }

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
            or UnicodeCategory.OtherNotAssigned or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator => false,
        _ => true,
    };
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using Builder.Frontend.Instructions;

namespace Builder.Frontend.Tests.Parsing;

/// <summary>
/// Every part of an instruction that is set, one per line. Reflection, so that a new property cannot be forgotten.
/// </summary>
internal static class InstructionDump
{
    /// <summary>The dump of a whole Dockerfile; without places and texts as written when it is to be compared with another.</summary>
    public static string Of(Dockerfile dockerfile, bool withPlaces)
    {
        var text = new StringBuilder();
        Append(text, 0, nameof(dockerfile.EscapeCharacter), dockerfile.EscapeCharacter.ToString(), withPlaces);
        Append(text, 0, nameof(dockerfile.Syntax), dockerfile.Syntax, withPlaces);
        Append(text, 0, nameof(dockerfile.Check), dockerfile.Check, withPlaces);
        Append(text, 0, nameof(dockerfile.GlobalArgs), dockerfile.GlobalArgs, withPlaces);
        foreach (Stage stage in dockerfile.Stages)
        {
            text.Append(CultureInfo.InvariantCulture, $"stage {stage.Index} {stage.Name}\n");
            Append(text, 1, "From", stage.From, withPlaces);
            Append(text, 1, "Instructions", stage.Instructions, withPlaces);
        }

        foreach (Diagnostic warning in withPlaces ? dockerfile.Warnings : [])
        {
            text.Append(CultureInfo.InvariantCulture, $"warning {SourceExcerpt.Place(warning.Span!.Value)} {warning.Code}: {warning.Message}\n");
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, int depth, string name, object? value, bool withPlaces)
    {
        string indent = new(' ', depth * 2);
        switch (value)
        {
            case null:
                break;
            case Word word:
                string place = withPlaces ? " " + SourceExcerpt.Place(word.Span) : "";
                text.Append($"{indent}{name}: {Escape(word.Text)}{place}\n");
                break;
            case string or bool or int or TimeSpan:
                text.Append(CultureInfo.InvariantCulture, $"{indent}{name}: {Escape(value.ToString()!)}\n");
                break;
            case IEnumerable items:
                int index = 0;
                foreach (object item in items)
                {
                    Append(text, depth, string.Create(CultureInfo.InvariantCulture, $"{name}[{index++}]"), item, withPlaces);
                }

                break;
            default:
                AppendObject(text, depth, name, value, withPlaces);
                break;
        }
    }

    private static void AppendObject(StringBuilder text, int depth, string name, object value, bool withPlaces)
    {
        string title = value is Instruction instruction
            ? value.GetType().Name + (withPlaces ? " " + SourceExcerpt.Place(instruction.Span) : "")
            : $"{name}: {value.GetType().Name}";
        text.Append(new string(' ', depth * 2)).Append(title).Append('\n');
        foreach (PropertyInfo property in value.GetType().GetProperties().OrderBy(static p => p.Name, StringComparer.Ordinal))
        {
            object? part = property.GetValue(value);
            if (part is SourceSpan span && value is Heredoc && withPlaces)
            {
                Append(text, depth + 1, "Span", SourceExcerpt.Place(span), withPlaces);
            }
            else if (part is not SourceSpan
                && !(part is false && property.PropertyType == typeof(bool))
                && (withPlaces || property.Name != nameof(Instruction.Text)))
            {
                Append(text, depth + 1, property.Name, part, withPlaces);
            }
        }
    }

    private static string Escape(string value) =>
        '"' + value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)
            .Replace("\r", "\\r", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal) + '"';
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Expansion;
using Builder.Frontend.Instructions;

namespace Builder.Solver.Lowering;

/// <summary>
/// The fields of a <c>RUN --mount</c> value before it can be parsed: they are expanded one by one, so that a variable's
/// value cannot add options, and <c>from</c> is read early, to find the stages that are needed.
/// </summary>
internal static class MountFields
{
    /// <summary>The value of <c>from</c>, or null.</summary>
    public static string? FindFrom(Word mount)
    {
        foreach (string field in Split(mount.Text))
        {
            (string name, string? value) = Cut(field);
            if (value is not null && name.Equals("from", StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>The value with the variables of each field expanded.</summary>
    /// <exception cref="SolveException">An expansion fails.</exception>
    public static string Expand(Word mount, LocatedExpander words, IVariableScope scope)
    {
        if (!mount.Text.Contains('$', StringComparison.Ordinal))
        {
            return mount.Text;
        }

        var fields = new List<string>();
        foreach (string field in Split(mount.Text))
        {
            (string name, string? value) = Cut(field);
            if (value is null || !value.Contains('$', StringComparison.Ordinal))
            {
                fields.Add(Quote(field));
                continue;
            }

            fields.Add(Quote($"{name}={words.Expand(value, mount.Span, scope)}"));
        }

        return string.Join(',', fields);
    }

    private static (string Name, string? Value) Cut(string field)
    {
        int equals = field.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? (field, null) : (field[..equals], field[(equals + 1)..]);
    }

    private static string Quote(string field) =>
        field.AsSpan().IndexOfAny(',', '"') < 0
            ? field
            : $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>Splits a CSV record; a quoted field may hold commas and doubled quotes.</summary>
    private static List<string> Split(string record)
    {
        var fields = new List<string>();
        var field = new System.Text.StringBuilder();
        bool quoted = false;
        for (int i = 0; i < record.Length; i++)
        {
            char c = record[i];
            if (c == '"' && quoted && i + 1 < record.Length && record[i + 1] == '"')
            {
                field.Append('"');
                i++;
            }
            else if (c == '"' && (quoted || field.Length == 0))
            {
                quoted = !quoted;
            }
            else if (c == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(c);
            }
        }

        fields.Add(field.ToString());
        return fields;
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Frontend.Parsing;

/// <summary>One record of comma-separated fields. Source: RFC 4180, as Go's encoding/csv reads it.</summary>
internal static class CsvRecord
{
    /// <summary>The fields of a record; <paramref name="what"/> names its kind in messages.</summary>
    /// <exception cref="FormatException">It is empty, or its quotes are wrong.</exception>
    public static List<string> Parse(string record, string what = "mount")
    {
        if (record.Length == 0)
        {
            throw new FormatException($"failed to parse csv {what}s: the value is empty");
        }

        var fields = new List<string>();
        var field = new StringBuilder();
        int position = 0;
        while (position <= record.Length)
        {
            field.Clear();
            position = position < record.Length && record[position] == '"'
                ? ReadQuoted(record, position + 1, field, what)
                : ReadPlain(record, position, field, what);
            fields.Add(field.ToString());
            position++;
        }

        return fields;
    }

    private static int ReadPlain(string record, int start, StringBuilder field, string what)
    {
        int comma = record.IndexOf(',', start);
        int end = comma < 0 ? record.Length : comma;
        field.Append(record, start, end - start);
        return record.IndexOf('"', start, end - start) < 0
            ? end
            : throw new FormatException($"failed to parse csv {what}s: bare \" in non-quoted field");
    }

    private static int ReadQuoted(string record, int start, StringBuilder field, string what)
    {
        int position = start;
        while (position < record.Length)
        {
            char c = record[position++];
            if (c != '"')
            {
                field.Append(c);
            }
            else if (position < record.Length && record[position] == '"')
            {
                field.Append(record[position++]);
            }
            else if (position == record.Length || record[position] == ',')
            {
                return position;
            }
            else
            {
                break;
            }
        }

        throw new FormatException($"failed to parse csv {what}s: extraneous or missing \" in quoted field");
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Frontend.Lint;

/// <summary>Rows in columns three blanks apart.</summary>
internal static class Columns
{
    private const int Gap = 3;

    public static string Write(IEnumerable<string[]> rows)
    {
        string[][] all = [.. rows];
        int[] widths = [.. Enumerable.Range(0, all[0].Length).Select(column => all.Max(row => row[column].Length))];
        var text = new StringBuilder();
        foreach (string[] row in all)
        {
            string line = string.Concat(row.Select((cell, column) => cell.PadRight(widths[column] + Gap)));
            text.Append(line.TrimEnd()).Append('\n');
        }

        return text.ToString();
    }
}

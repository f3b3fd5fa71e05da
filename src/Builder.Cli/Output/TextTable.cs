// SPDX-License-Identifier: Apache-2.0

namespace Builder.Cli.Output;

/// <summary>Columns as docker prints them: as wide as their widest cell and three spaces, no lines, no trailing blanks.</summary>
internal sealed class TextTable(params string[] headers)
{
    private const int Gap = 3;

    private readonly List<string[]> _rows = [headers];

    /// <summary>Adds a row; it has as many cells as there are headers.</summary>
    public void Add(params string[] cells) => _rows.Add(cells);

    /// <summary>Writes the table; without <paramref name="withHeader"/> only its rows.</summary>
    public void Write(TextWriter writer, bool withHeader = true)
    {
        IEnumerable<string[]> rows = withHeader ? _rows : _rows.Skip(1);
        int[] widths = [.. Enumerable.Range(0, headers.Length).Select(i => rows.Max(row => (int?)Width(row[i])) ?? 0)];
        foreach (string[] row in rows)
        {
            writer.WriteLine(string.Concat(row.Select((cell, i) => Pad(cell, widths[i] + Gap))).TrimEnd(' '));
        }
    }

    private static string Pad(string cell, int width) => cell + new string(' ', width - Width(cell));

    private static int Width(string cell) => cell.EnumerateRunes().Count();
}

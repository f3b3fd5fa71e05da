// SPDX-License-Identifier: Apache-2.0

using System.Globalization;

namespace Builder.Frontend.Tests.Parsing;

/// <summary>Shows places so that a reader of a golden file sees whether they are right.</summary>
internal static class SourceExcerpt
{
    private const int MaxWidth = 100;

    public static string Place(SourceSpan span) => $"{Place(span.Start)}-{Place(span.End)}";

    /// <summary>The first line of a place, and carets under what it covers there.</summary>
    public static string Marked(string text, SourceSpan span)
    {
        string[] lines = text.TrimStart('\uFEFF').Split('\n');
        if (span.Start.Line > lines.Length || lines[span.Start.Line - 1].Length > MaxWidth)
        {
            return "";
        }

        string line = lines[span.Start.Line - 1].TrimEnd('\r').Replace('\t', ' ');
        int end = span.End.Line == span.Start.Line ? Math.Min(span.End.Column, line.Length + 1) : line.Length + 1;
        string carets = new('^', Math.Max(end - span.Start.Column, 1));
        return $"    {line}\n    {new string(' ', span.Start.Column - 1)}{carets}\n";
    }

    private static string Place(SourcePosition position)
    {
        string column = position.Column == int.MaxValue ? "end" : position.Column.ToString(CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{position.Line}:{column}");
    }
}

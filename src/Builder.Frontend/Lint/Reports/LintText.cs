// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Builder.Frontend.Lint.Reports;

/// <summary>Findings for a reader, laid out as <c>docker build --check</c> does.</summary>
public static class LintText
{
    private const int LinesAround = 2;
    private const string Rule = "--------------------";

    /// <summary>Writes every finding with its place, and how many there were.</summary>
    public static string Write(SourceText source, ImmutableArray<Diagnostic> findings)
    {
        var text = new StringBuilder();
        text.Append(findings.Length switch
        {
            0 => "Check complete, no warnings found.\n",
            1 => "Check complete, 1 warning has been found!\n",
            _ => string.Create(
                CultureInfo.InvariantCulture, $"Check complete, {findings.Length} warnings have been found!\n"),
        });
        string[] lines = source.Text.Split('\n');
        foreach (Diagnostic finding in findings)
        {
            text.Append('\n');
            WriteOne(text, source, lines, finding);
        }

        return text.ToString();
    }

    private static void WriteOne(StringBuilder text, SourceText source, string[] lines, Diagnostic finding)
    {
        LintRule? rule = LintRule.Find(finding.Code);
        text.Append(finding.Severity == DiagnosticSeverity.Error ? "ERROR: " : "WARNING: ").Append(finding.Code);
        text.Append(rule?.Url is { } url ? " - " + url : "").Append('\n');
        text.Append(finding.Message).Append('\n');
        if (finding.Hint is { } hint)
        {
            text.Append("hint: ").Append(hint).Append('\n');
        }

        if (finding.Span is { } span)
        {
            WriteExcerpt(text, source, lines, span);
        }
    }

    private static void WriteExcerpt(StringBuilder text, SourceText source, string[] lines, SourceSpan span)
    {
        int first = Math.Clamp(span.Start.Line, 1, lines.Length);
        int last = Math.Clamp(span.End.Line, first, lines.Length);
        text.Append(CultureInfo.InvariantCulture, $"{source.Name}:{first}\n{Rule}\n");
        int from = Math.Max(1, first - LinesAround);
        int to = Math.Min(lines.Length, last + LinesAround);
        for (int line = from; line <= to; line++)
        {
            string mark = line >= first && line <= last ? ">>>" : "   ";
            string content = lines[line - 1].TrimEnd('\r');
            string row = string.Create(CultureInfo.InvariantCulture, $"{line,4} | {mark} {content}");
            text.Append(row.TrimEnd()).Append('\n');
        }

        text.Append(Rule).Append('\n');
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace Builder.Frontend.Lint.Reports;

/// <summary>Findings in the form of BuildKit's lint request (<c>docker build --call=check,format=json</c>).</summary>
public static class LintJson
{
    /// <summary>Writes the findings and the source they are about.</summary>
    public static string Write(SourceText source, ImmutableArray<Diagnostic> findings)
    {
        var report = new LintReportJson
        {
            Warnings = [.. findings.Select(ToWarning)],
            Sources =
            [
                new LintSourceJson
                {
                    FileName = source.Name,
                    Language = "Dockerfile",
                    Data = Convert.ToBase64String(Encoding.UTF8.GetBytes(source.Text)),
                },
            ],
        };
        return JsonSerializer.Serialize(report, ReportJson.Default.LintReportJson) + "\n";
    }

    private static LintWarningJson ToWarning(Diagnostic finding)
    {
        LintRule? rule = LintRule.Find(finding.Code);
        return new LintWarningJson
        {
            RuleName = finding.Code,
            Description = rule?.Description,
            Url = rule?.Url,
            Detail = finding.Message,
            Hint = finding.Hint,
            Level = finding.Severity == DiagnosticSeverity.Error ? "error" : "warning",
            Location = LocationJson.From(finding.Span),
        };
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json;

namespace Builder.Frontend.Lint.Reports;

/// <summary>
/// Findings as SARIF 2.1.0, which code hosts show beside the line. Source: OASIS, "Static Analysis Results Interchange
/// Format Version 2.1.0".
/// </summary>
public static class LintSarif
{
    /// <summary>Writes the findings; <paramref name="version"/> is bld's.</summary>
    public static string Write(SourceText source, ImmutableArray<Diagnostic> findings, string version)
    {
        ImmutableArray<string> codes = [.. findings.Select(finding => finding.Code).Distinct()];
        var log = new SarifLog
        {
            Runs =
            [
                new SarifRun
                {
                    Tool = new SarifTool
                    {
                        Driver = new SarifDriver { Name = "bld", Version = version, Rules = [.. codes.Select(ToRule)] },
                    },
                    Results = [.. findings.Select(finding => ToResult(source, finding, codes.IndexOf(finding.Code)))],
                },
            ],
        };
        return JsonSerializer.Serialize(log, ReportJson.Default.SarifLog) + "\n";
    }

    private static SarifRule ToRule(string code)
    {
        LintRule? rule = LintRule.Find(code);
        return new SarifRule
        {
            Id = code,
            ShortDescription = new SarifText { Text = rule?.Description ?? code },
            Help = rule is null ? null : new SarifText { Text = rule.Advice },
            HelpUri = rule?.Url,
        };
    }

    private static SarifResult ToResult(SourceText source, Diagnostic finding, int ruleIndex) => new()
    {
        RuleId = finding.Code,
        RuleIndex = ruleIndex,
        Level = finding.Severity == DiagnosticSeverity.Error ? "error" : "warning",
        Message = new SarifText { Text = finding.Message },
        Locations =
        [
            new SarifLocation
            {
                PhysicalLocation = new SarifPhysicalLocation
                {
                    ArtifactLocation = new SarifArtifact { Uri = ToUri(source.Name) },
                    Region = finding.Span is { } span ? ToRegion(span) : null,
                },
            },
        ],
    };

    private static SarifRegion ToRegion(SourceSpan span) => new()
    {
        StartLine = span.Start.Line,
        StartColumn = span.Start.Column,
        EndLine = span.End.Line,
        EndColumn = span.End.Column < int.MaxValue ? span.End.Column : null,
    };

    private static string ToUri(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Lint.Rules;

namespace Builder.Frontend.Lint;

/// <summary>Checks a Dockerfile for what is legal and yet probably not meant.</summary>
public static class Linter
{
    private const string UnknownRuleCode = "UnknownCheck";

    private static readonly LintCheck[] s_checks =
    [
        new StageNameCheck(), new CasingCheck(), new ParserWarningsCheck(), new FromArgumentsCheck(),
        new FromPlatformCheck(), new VariablesCheck(), new SecretsCheck(), new CommandsCheck(), new LegacyFormCheck(),
        new WorkdirCheck(), new ExposeCheck(), new CopyIgnoredCheck(), new DescriptionCheck(),
    ];

    /// <summary>
    /// Checks with all rules that the <c>check</c> directive, or the build arg in its place, allows. The findings are
    /// warnings; errors when <c>error=true</c> was asked for: then the build must fail with
    /// <see cref="FailureMessage"/>.
    /// </summary>
    /// <exception cref="DockerfileException">
    /// The options for the checks are malformed, or there is no such target.
    /// </exception>
    public static ImmutableArray<Diagnostic> Check(Dockerfile dockerfile, LintOptions options)
    {
        bool isBuildArg = options.BuildArgs.TryGetValue(LintOptions.CheckBuildArg, out string? text);
        text ??= dockerfile.Check ?? "";
        SourceSpan? place = isBuildArg ? null : FindDirective(dockerfile.Source);
        CheckOptions checkOptions;
        try
        {
            checkOptions = CheckOptions.Parse(text);
        }
        catch (FormatException malformed)
        {
            throw new DockerfileException(
                dockerfile.Source, [Finding(DiagnosticSeverity.Error, "ParseError", malformed.Message, place, null)]);
        }

        IEnumerable<Diagnostic> unknown = checkOptions.UnknownRules.Select(name => Finding(
            DiagnosticSeverity.Warning,
            UnknownRuleCode,
            $"check option names an unknown rule \"{name}\"",
            place,
            Spelling.Hint(name, LintRule.All.Select(rule => rule.Name))));
        return [.. unknown, .. new LintWalk(dockerfile, options, checkOptions).Run(s_checks)];
    }

    /// <summary>"lint violation found for rules: A, B" when a finding is an error, else null.</summary>
    public static string? FailureMessage(ImmutableArray<Diagnostic> findings)
    {
        string[] rules =
        [
            .. findings.Where(finding => finding.Severity == DiagnosticSeverity.Error)
                .Select(finding => finding.Code).Distinct().Order(StringComparer.Ordinal),
        ];
        return rules.Length == 0 ? null : $"lint violation found for rules: {string.Join(", ", rules)}";
    }

    private static Diagnostic Finding(
        DiagnosticSeverity severity, string code, string message, SourceSpan? span, string? hint) => new()
        {
            Severity = severity,
            Code = code,
            Message = message,
            Span = span,
            Hint = hint,
        };

    private static SourceSpan? FindDirective(SourceText source)
    {
        int line = 0;
        foreach (Range range in source.Text.AsSpan().Split('\n'))
        {
            line++;
            ReadOnlySpan<char> comment = source.Text.AsSpan(range).Trim().TrimStart("\uFEFF#/").TrimStart();
            if (comment.StartsWith("check", StringComparison.OrdinalIgnoreCase))
            {
                return SourceSpan.Lines(line, line);
            }
        }

        return null;
    }
}

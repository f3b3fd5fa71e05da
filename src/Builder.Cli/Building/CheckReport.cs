// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend;
using Builder.Frontend.Lint;
using Builder.Frontend.Lint.Reports;

namespace Builder.Cli.Building;

/// <summary>What <c>check</c> and <c>build --check|--call</c> write.</summary>
internal static class CheckReport
{
    /// <summary>Checks a Dockerfile and writes the findings as <c>plain</c>, <c>json</c> or <c>sarif</c>.</summary>
    /// <returns>1 when there are errors, as <c># check=error=true</c> makes them.</returns>
    public static int WriteFindings(CliContext cli, Dockerfile dockerfile, LintOptions options, string format)
    {
        ImmutableArray<Diagnostic> findings = Linter.Check(dockerfile, options);
        string text = format switch
        {
            "plain" => LintText.Write(dockerfile.Source, findings),
            "json" => LintJson.Write(dockerfile.Source, findings),
            "sarif" => LintSarif.Write(dockerfile.Source, findings, Commands.VersionCommand.Version),
            _ => throw new UsageException($"invalid format \"{format}\"") { Hint = "one of plain, json, sarif" },
        };
        cli.Out.Write(text);
        if (!text.EndsWith('\n'))
        {
            cli.Out.WriteLine();
        }

        if (Linter.FailureMessage(findings) is { } failure)
        {
            throw new CommandException(failure);
        }

        return ExitCode.Success;
    }

    /// <summary>Does what <c>--call METHOD[,format=FORMAT]</c> asks for, building apart.</summary>
    public static int WriteCall(CliContext cli, Dockerfile dockerfile, LintOptions options, string call)
    {
        string[] parts = call.Split(',');
        string format = parts.Skip(1).FirstOrDefault(part => part.StartsWith("format=", StringComparison.Ordinal)) is { } f
            ? f["format=".Length..]
            : "plain";
        bool json = format == "json";
        switch (parts[0])
        {
            case "check" or "lint":
                return WriteFindings(cli, dockerfile, options, format);
            case "outline":
                Outline outline = Outline.Of(dockerfile, options);
                cli.Out.WriteLine((json ? outline.ToJson() : outline.ToText()).TrimEnd('\n'));
                return ExitCode.Success;
            case "targets":
                Targets targets = Targets.Of(dockerfile);
                cli.Out.WriteLine((json ? targets.ToJson() : targets.ToText()).TrimEnd('\n'));
                return ExitCode.Success;
            default:
                throw new UsageException($"invalid argument \"{call}\" for --call")
                {
                    Hint = "one of build, check, outline, targets; with ,format=json for programs",
                };
        }
    }
}

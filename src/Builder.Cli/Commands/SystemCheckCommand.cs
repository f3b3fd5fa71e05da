// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Executor.Maintenance;

namespace Builder.Cli.Commands;

/// <summary><c>bld system check</c>: 0 for a sound store, 1 when something is damaged and was not repaired.</summary>
internal static class SystemCheckCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Option<bool> repair = OptionFactory.Flag(
            "--repair", "Remove what is damaged, so that it is made or fetched again; put damaged containers aside");
        Option<bool> quiet = OptionFactory.Flag("--quiet", "Show only what is damaged", "-q");
        Option<string?> format = FormattedOutput.CreateOption();
        Command command = new("check", "Compare everything in the store with its digest or record") { repair, quiet, format };
        command.SetAction((parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            CheckResult result = new StoreChecker(composition.Store).Check(parsed.GetValue(repair), cancellationToken);
            if (!FormattedOutput.IsTable(parsed.GetValue(format)))
            {
                List<JsonNode> rows = [.. result.Problems.Select(problem => OutputJson.ToNode(
                    new CheckRow(problem.Area, problem.Subject, problem.Cause, problem.Advice, problem.IsRepaired), OutputJson.Default.CheckRow))];
                FormattedOutput.WriteRows(cli, parsed.GetValue(format)!, rows);
            }
            else
            {
                Write(cli, composition.Root, result, parsed.GetValue(quiet), parsed.GetValue(repair));
            }

            return Task.FromResult(result.IsSound ? ExitCode.Success : ExitCode.Failure);
        });
        return command;
    }

    private static void Write(CliContext cli, string root, CheckResult result, bool quiet, bool repairs)
    {
        if (!quiet)
        {
            TextTable table = new("AREA", "CHECKED", "READ", "DAMAGED");
            foreach (CheckedArea area in result.Areas)
            {
                table.Add(
                    area.Area,
                    area.Count.ToString(CultureInfo.InvariantCulture),
                    area.Bytes == 0 ? "-" : HumanText.Size(area.Bytes, significantDigits: 4),
                    result.Problems.Count(problem => problem.Area == area.Area).ToString(CultureInfo.InvariantCulture));
            }

            table.Write(cli.Out);
        }

        foreach (StoreProblem problem in result.Problems)
        {
            cli.Out.WriteLine($"{(problem.IsRepaired ? "repaired" : "damaged")}: {problem.Area}: {problem.Subject}: {problem.Cause}");
            if (!problem.IsRepaired)
            {
                cli.Out.WriteLine($"  {problem.Advice}");
            }
        }

        if (!quiet)
        {
            int left = result.Problems.Count(problem => !problem.IsRepaired);
            cli.Out.WriteLine(left == 0
                ? $"{root} is sound"
                : $"{root}: {left} {(left == 1 ? "problem" : "problems")}{(repairs ? " left" : "; 'bld system check --repair' removes what is damaged")}");
        }
    }
}

/// <summary>A row of <c>system check --format</c>.</summary>
internal sealed record CheckRow(string Area, string Subject, string Cause, string Advice, bool Repaired);

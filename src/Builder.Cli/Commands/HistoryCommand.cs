// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Executor.Images;
using Builder.Solver.Images;

namespace Builder.Cli.Commands;

/// <summary><c>bld history</c>.</summary>
internal static class HistoryCommand
{
    private const string Missing = "<missing>";
    private const int CreatedByWidth = 45;

    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string> name = OptionFactory.Operand("IMAGE", "A name or id");
        Option<bool> quiet = OptionFactory.Flag("--quiet", "Show only ids", "-q");
        Option<bool> noTruncation = OptionFactory.Flag("--no-trunc", "Do not cut anything");
        Option<bool> human = OptionFactory.Flag("--human", "Sizes and times in words (default true)", "-H");
        human.DefaultValueFactory = _ => true;
        Option<string?> format = FormattedOutput.CreateOption();
        Command command = new("history", "Show how an image came to be") { name, quiet, noTruncation, human, format };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            StoredImage image = composition.GetImage(parsed.GetRequiredValue(name));
            List<HistoryRow> rows = Rows(composition, image, parsed.GetValue(noTruncation), parsed.GetValue(human));
            Write(cli, rows, parsed.GetValue(quiet), parsed.GetValue(format));
            return ExitCode.Success;
        });
        return command;
    }

    private static List<HistoryRow> Rows(Composition composition, StoredImage image, bool noTruncation, bool human)
    {
        DateTimeOffset now = composition.Time.GetUtcNow();
        List<HistoryRow> rows = [];
        int layer = 0;
        foreach (HistoryEntry entry in image.Config.History)
        {
            long size = entry.EmptyLayer || layer >= image.Config.RootFs.Layers.Length
                ? 0
                : composition.Images.SizeOfLayer(image, layer++);
            string createdBy = (entry.CreatedBy ?? "").Replace('\t', ' ').Replace('\n', ' ');
            rows.Add(new HistoryRow(
                Missing,
                human ? HumanText.Ago(entry.Created, now) : Stamp(entry.Created),
                Stamp(entry.Created),
                noTruncation ? createdBy : HumanText.Truncate(createdBy, CreatedByWidth),
                human ? HumanText.Size(size) : size.ToString(CultureInfo.InvariantCulture),
                entry.Comment ?? ""));
        }

        rows.Reverse();
        if (rows.Count > 0)
        {
            string id = image.Id.ToString();
            rows[0] = rows[0] with { ID = noTruncation ? id : HumanText.ShortId(id) };
        }

        return rows;
    }

    private static string Stamp(DateTimeOffset? time) =>
        time?.ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture) ?? "N/A";

    private static void Write(CliContext cli, List<HistoryRow> rows, bool quiet, string? format)
    {
        if (quiet)
        {
            rows.ForEach(row => cli.Out.WriteLine(row.ID));
            return;
        }

        if (!FormattedOutput.IsTable(format))
        {
            List<JsonNode> nodes = [.. rows.Select(row => OutputJson.ToNode(row, OutputJson.Default.HistoryRow))];
            FormattedOutput.WriteRows(cli, format!, nodes);
            return;
        }

        TextTable table = new("IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT");
        foreach (HistoryRow row in rows)
        {
            table.Add(row.ID, row.CreatedSince, row.CreatedBy, row.Size, row.Comment);
        }

        table.Write(cli.Out);
    }
}

/// <summary>A row of <c>history</c>, by the names that docker's templates use.</summary>
internal sealed record HistoryRow(
    string ID, string CreatedSince, string CreatedAt, string CreatedBy, string Size, string Comment);

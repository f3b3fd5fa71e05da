// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Executor.Running;

namespace Builder.Cli.Commands;

/// <summary><c>bld ps</c>, <c>bld container ls</c>.</summary>
internal static class PsCommand
{
    private const int CommandWidth = 20;

    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Option<bool> all = OptionFactory.Flag("--all", "Show all containers, not only running ones", "-a");
        Option<bool> quiet = OptionFactory.Flag("--quiet", "Show only ids", "-q");
        Option<bool> noTruncation = OptionFactory.Flag("--no-trunc", "Do not cut anything");
        Option<bool> latest = OptionFactory.Flag("--latest", "Show the newest container", "-l");
        Option<int?> last = OptionFactory.Number("--last", "N", "Show the N newest containers", "-n");
        Option<string[]> filter = OptionFactory.List(
            "--filter", "FILTER", "id=, name=, label=, status=, exited=, ancestor=, volume=, publish=", "-f");
        Option<string?> format = FormattedOutput.CreateOption();
        Command command = new("ps", "List containers") { all, quiet, noTruncation, latest, last, filter, format };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            ContainerFilter matcher = ContainerFilter.Parse(parsed.GetValue(filter) ?? []);
            int? limit = parsed.GetValue(latest) ? 1 : parsed.GetValue(last);
            bool showAll = parsed.GetValue(all) || limit is not null || matcher.NamesStatus;
            IEnumerable<(ContainerRecord Container, ContainerState State)> found = composition.Containers.List()
                .Select(container => (Container: container, State: composition.Containers.ReadState(container.Id)))
                .Where(item => showAll || item.State.Status == ContainerStatus.Running)
                .Where(item => matcher.Accepts(item.Container, item.State))
                .Take(limit ?? int.MaxValue);
            DateTimeOffset now = cli.Time.GetUtcNow();
            List<ContainerRow> rows =
                [.. found.Select(item => Row(item.Container, item.State, now, parsed.GetValue(noTruncation)))];
            Write(cli, rows, parsed.GetValue(quiet), parsed.GetValue(format));
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>docker's words for a state: <c>Up 5 minutes</c>, <c>Exited (137) 2 hours ago</c>.</summary>
    public static string Status(ContainerState state, DateTimeOffset now) => state.Status switch
    {
        ContainerStatus.Created => "Created",
        ContainerStatus.Running => "Up " + HumanText.Duration(now - (state.Started ?? now)),
        _ => string.Create(
            CultureInfo.InvariantCulture, $"Exited ({state.ExitCode}) {HumanText.Ago(state.Finished, now)}"),
    };

    private static ContainerRow Row(ContainerRecord container, ContainerState state, DateTimeOffset now, bool noTruncation)
    {
        string command = HumanText.CommandLine(container.Arguments);
        IEnumerable<string> ports = state.Status != ContainerStatus.Running
            ? []
            : state.Ports.Select(port => port.ToString())
                .Concat(container.ExposedPorts.Except(container.Ports.Select(p => $"{p.ContainerPort}/{p.Protocol}")));
        return new ContainerRow(
            noTruncation ? container.Id : container.ShortId,
            container.Image,
            HumanText.Quote(noTruncation ? command : HumanText.Truncate(command, CommandWidth)),
            HumanText.Timestamp(container.Created),
            HumanText.Ago(container.Created, now),
            string.Join(", ", ports),
            state.Status.ToString().ToLowerInvariant(),
            Status(state, now),
            container.Name,
            string.Join(',', container.Labels.Select(label => $"{label.Key}={label.Value}")),
            string.Join(',', container.Mounts.Select(mount => mount.Source)),
            container.Network.ToString().ToLowerInvariant());
    }

    private static void Write(CliContext cli, List<ContainerRow> rows, bool quiet, string? format)
    {
        if (quiet)
        {
            rows.ForEach(row => cli.Out.WriteLine(row.ID));
            return;
        }

        if (!FormattedOutput.IsTable(format))
        {
            List<JsonNode> nodes = [.. rows.Select(row => OutputJson.ToNode(row, OutputJson.Default.ContainerRow))];
            FormattedOutput.WriteRows(cli, format!, nodes);
            return;
        }

        TextTable table = new("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES");
        foreach (ContainerRow row in rows)
        {
            table.Add(row.ID, row.Image, row.Command, row.RunningFor, row.Status, row.Ports, row.Names);
        }

        table.Write(cli.Out);
    }
}

/// <summary>A row of <c>ps</c>, by the names that docker's templates use.</summary>
internal sealed record ContainerRow(
    string ID,
    string Image,
    string Command,
    string CreatedAt,
    string RunningFor,
    string Ports,
    string State,
    string Status,
    string Names,
    string Labels,
    string Mounts,
    string Networks);

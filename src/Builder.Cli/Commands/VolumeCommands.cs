// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Text.Json.Nodes;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Executor.Running;

namespace Builder.Cli.Commands;

/// <summary><c>bld volume ls|create|inspect|rm</c>.</summary>
internal static class VolumeCommands
{
    /// <summary>Makes <c>volume ls</c>.</summary>
    public static Command CreateList(CliContext cli, GlobalOptions global)
    {
        Option<bool> quiet = OptionFactory.Flag("--quiet", "Show only names", "-q");
        Option<string?> format = FormattedOutput.CreateOption();
        Command command = new("ls", "List volumes") { quiet, format };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            List<VolumeRow> rows = [.. composition.Volumes.List()
                .Select(volume => new VolumeRow("local", volume.Name, composition.Volumes.DataPath(volume.Name)))];
            if (parsed.GetValue(quiet))
            {
                rows.ForEach(row => cli.Out.WriteLine(row.Name));
            }
            else if (FormattedOutput.IsTable(parsed.GetValue(format)))
            {
                TextTable table = new("DRIVER", "VOLUME NAME");
                rows.ForEach(row => table.Add(row.Driver, row.Name));
                table.Write(cli.Out);
            }
            else
            {
                List<JsonNode> nodes = [.. rows.Select(row => OutputJson.ToNode(row, OutputJson.Default.VolumeRow))];
                FormattedOutput.WriteRows(cli, parsed.GetValue(format)!, nodes);
            }

            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Makes <c>volume create</c>.</summary>
    public static Command CreateCreate(CliContext cli, GlobalOptions global)
    {
        Argument<string?> name = OptionFactory.OptionalOperand("NAME", "Its name (default: a random one)");
        Command command = new("create", "Make a volume") { name };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            string wanted = parsed.GetValue(name) ?? "";
            if (wanted.Length > 0 && !VolumeStore.IsName(wanted))
            {
                throw new UsageException($"invalid volume name \"{wanted}\"");
            }

            cli.Out.WriteLine(composition.Volumes.Create(wanted).Name);
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Makes <c>volume inspect</c>.</summary>
    public static Command CreateInspect(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("VOLUME", "Names");
        Option<string?> format = OptionFactory.Text("--format", "TEMPLATE", "'json' or a Go template", "-f");
        Command command = new("inspect", "Show everything known of volumes") { names, format };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            return Inspection.Show(
                cli, parsed.GetValue(names)!, parsed.GetValue(format), "volume", name => Find(composition, name));
        });
        return command;
    }

    /// <summary>Makes <c>volume rm</c>.</summary>
    public static Command CreateRemove(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("VOLUME", "Names");
        Option<bool> force = OptionFactory.Flag("--force", "A missing volume is no error", "-f");
        Command command = new("rm", "Remove volumes") { names, force };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            int status = ExitCode.Success;
            foreach (string name in parsed.GetValue(names)!)
            {
                status = Math.Max(status, Remove(composition, name, parsed.GetValue(force)));
            }

            return status;
        });
        return command;
    }

    /// <summary>The document of a volume, or null.</summary>
    public static InspectedObject? Find(Composition composition, string name)
    {
        if (composition.Volumes.Find(name) is not { } volume)
        {
            return null;
        }

        JsonObject document = new()
        {
            ["CreatedAt"] = ImageDocument.Time(volume.Created),
            ["Driver"] = "local",
            ["Labels"] = null,
            ["Mountpoint"] = composition.Volumes.DataPath(name),
            ["Name"] = name,
            ["Options"] = null,
            ["Scope"] = "local",
        };
        return new InspectedObject(document, document);
    }

    /// <summary>The volumes that containers use.</summary>
    public static HashSet<string> Used(Composition composition) =>
        [.. composition.Containers.List().SelectMany(container => container.Mounts)
            .Where(mount => mount.Kind == ContainerMountKind.Volume).Select(mount => mount.Source)];

    private static int Remove(Composition composition, string name, bool force)
    {
        if (composition.Volumes.Find(name) is null)
        {
            composition.Cli.Error.WriteLine($"error: no such volume: {name}");
            return force ? ExitCode.Success : ExitCode.Failure;
        }

        if (Used(composition).Contains(name))
        {
            composition.Cli.Error.WriteLine($"error: remove volume {name}: a container uses it");
            return ExitCode.Failure;
        }

        composition.Volumes.Remove(name);
        composition.Cli.Out.WriteLine(name);
        return ExitCode.Success;
    }
}

/// <summary>A row of <c>volume ls</c>.</summary>
internal sealed record VolumeRow(string Driver, string Name, string Mountpoint);

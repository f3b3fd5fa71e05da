// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Running;

namespace Builder.Cli.Commands;

/// <summary><c>bld system df</c>.</summary>
internal static class DiskUsageCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Option<string?> format = FormattedOutput.CreateOption();
        Command command = new("df", "Show what the store takes") { format };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            List<DiskUsageRow> rows = [Images(composition), Containers(composition), Volumes(composition), Cache(composition)];
            if (!FormattedOutput.IsTable(parsed.GetValue(format)))
            {
                List<JsonNode> nodes = [.. rows.Select(row => OutputJson.ToNode(row, OutputJson.Default.DiskUsageRow))];
                FormattedOutput.WriteRows(cli, parsed.GetValue(format)!, nodes);
                return ExitCode.Success;
            }

            TextTable table = new("TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE");
            rows.ForEach(row => table.Add(row.Type, row.TotalCount, row.Active, row.Size, row.Reclaimable));
            table.Write(cli.Out);
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Layers that several images share count once.</summary>
    private static DiskUsageRow Images(Composition composition)
    {
        IReadOnlyList<StoredImage> images = composition.Images.List();
        HashSet<string> used = [.. composition.Containers.List().Select(container => container.ImageId)];
        Dictionary<string, (long Size, bool Active)> layers = new(StringComparer.Ordinal);
        foreach (StoredImage image in images)
        {
            bool active = used.Contains(image.Id.ToString());
            for (int i = 0; i < image.Config.RootFs.Layers.Length; i++)
            {
                string layer = image.Config.RootFs.Layers[i].ToString();
                bool wasActive = layers.TryGetValue(layer, out (long Size, bool Active) known) && known.Active;
                layers[layer] = (composition.Images.SizeOfLayer(image, i), active || wasActive);
            }
        }

        long total = layers.Values.Sum(layer => layer.Size);
        return Row("Images", images.Count, images.Count(image => used.Contains(image.Id.ToString())), total,
            layers.Values.Where(layer => !layer.Active).Sum(layer => layer.Size));
    }

    private static DiskUsageRow Containers(Composition composition)
    {
        (long Size, bool Active)[] all = [.. composition.Containers.List().Select(container => (
            StorePruner.DirectorySize(composition.Containers.PathOf(container.Id)),
            composition.Containers.ReadState(container.Id).Status == ContainerStatus.Running))];
        return Row("Containers", all.Length, all.Count(c => c.Active), all.Sum(c => c.Size), all.Where(c => !c.Active).Sum(c => c.Size));
    }

    private static DiskUsageRow Volumes(Composition composition)
    {
        HashSet<string> used = VolumeCommands.Used(composition);
        (long Size, bool Active)[] all = [.. composition.Volumes.List().Select(volume => (
            StorePruner.DirectorySize(composition.Volumes.DataPath(volume.Name)), used.Contains(volume.Name)))];
        return Row("Local Volumes", all.Length, all.Count(v => v.Active), all.Sum(v => v.Size), all.Where(v => !v.Active).Sum(v => v.Size));
    }

    private static DiskUsageRow Cache(Composition composition)
    {
        long size = StorePruner.DirectorySize(composition.Store.CachePath) + StorePruner.DirectorySize(composition.Store.MountsPath);
        int count = Directory.Exists(composition.Store.CachePath)
            ? Directory.EnumerateFiles(composition.Store.CachePath, "*", SearchOption.AllDirectories).Count()
            : 0;
        return Row("Build Cache", count, 0, size, size);
    }

    private static DiskUsageRow Row(string type, int total, int active, long size, long reclaimable)
    {
        int percent = size == 0 ? 0 : (int)(reclaimable * 100 / size);
        return new DiskUsageRow(
            type,
            total.ToString(CultureInfo.InvariantCulture),
            active.ToString(CultureInfo.InvariantCulture),
            HumanText.Size(size, significantDigits: 4),
            $"{HumanText.Size(reclaimable, significantDigits: 4)}{(size == 0 ? "" : $" ({percent}%)")}");
    }
}

/// <summary>A row of <c>system df</c>, by the names that docker's templates use.</summary>
internal sealed record DiskUsageRow(string Type, string TotalCount, string Active, string Size, string Reclaimable);

// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Executor.Images;
using Builder.Executor.Maintenance;
using Builder.Executor.Running;

namespace Builder.Cli.Commands;

/// <summary>
/// <c>bld system df</c>: what the store takes of the disk, in blocks. What several things share is counted once: for
/// images first, then for the build cache.
/// </summary>
internal static class DiskUsageCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Option<bool> verbose = OptionFactory.Flag("--verbose", "Show every image, container, volume and cache entry", "-v");
        Option<string?> format = FormattedOutput.CreateOption();
        Command command = new("df", "Show what the store takes") { verbose, format };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            bool isTable = FormattedOutput.IsTable(parsed.GetValue(format));
            if (parsed.GetValue(verbose) && !isTable)
            {
                throw new UsageException("df: -v and --format exclude each other");
            }

            CacheInventory inventory = CacheInventory.Read(composition.Store);
            inventory.Measure();
            if (parsed.GetValue(verbose))
            {
                WriteDetails(composition, inventory);
                return ExitCode.Success;
            }

            List<DiskUsageRow> rows =
                [Images(composition, inventory), Containers(composition), Volumes(composition), Cache(inventory)];
            if (!isTable)
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

    private static DiskUsageRow Images(Composition composition, CacheInventory inventory)
    {
        IReadOnlyList<StoredImage> images = composition.Images.List();
        HashSet<string> used = [.. composition.Containers.List().Select(container => container.ImageId)];
        StoredImage[] active = [.. images.Where(image => used.Contains(image.Id.ToString()))];
        return Row(
            "Images", images.Count, active.Length, inventory.ImageBytes,
            Math.Max(0, inventory.ImageBytes - inventory.MeasureImages(active.Select(image => image.Id))));
    }

    private static DiskUsageRow Containers(Composition composition)
    {
        (long Size, bool Active)[] all = [.. composition.Containers.List().Select(container => (
            DiskUsage.Of(composition.Containers.PathOf(container.Id)),
            composition.Containers.ReadState(container.Id).Status == ContainerStatus.Running))];
        return Row("Containers", all.Length, all.Count(c => c.Active), all.Sum(c => c.Size), all.Where(c => !c.Active).Sum(c => c.Size));
    }

    private static DiskUsageRow Volumes(Composition composition)
    {
        HashSet<string> used = VolumeCommands.Used(composition);
        (long Size, bool Active)[] all = [.. composition.Volumes.List().Select(volume => (
            DiskUsage.Of(composition.Volumes.DataPath(volume.Name)), used.Contains(volume.Name)))];
        return Row("Local Volumes", all.Length, all.Count(v => v.Active), all.Sum(v => v.Size), all.Where(v => !v.Active).Sum(v => v.Size));
    }

    private static DiskUsageRow Cache(CacheInventory inventory) => Row(
        "Build Cache", inventory.Entries.Count(entry => entry.Kind != CacheEntryKind.Internal),
        inventory.Entries.Count(entry => entry.IsShared), inventory.TotalBytes, inventory.TotalBytes);

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

    private static void WriteDetails(Composition composition, CacheInventory inventory)
    {
        CliContext cli = composition.Cli;
        DateTimeOffset now = cli.Time.GetUtcNow();
        cli.Out.WriteLine("Images space usage:\n");
        WriteImages(composition, inventory, now);
        cli.Out.WriteLine("\nContainers space usage:\n");
        TextTable containers = new("CONTAINER ID", "IMAGE", "SIZE", "CREATED", "STATUS", "NAMES");
        foreach (ContainerRecord container in composition.Containers.List())
        {
            containers.Add(
                container.ShortId, container.Image, HumanText.Size(DiskUsage.Of(composition.Containers.PathOf(container.Id))),
                HumanText.Ago(container.Created, now), composition.Containers.ReadState(container.Id).Status.ToString(), container.Name);
        }

        containers.Write(cli.Out);
        cli.Out.WriteLine("\nLocal Volumes space usage:\n");
        TextTable volumes = new("VOLUME NAME", "LINKS", "SIZE");
        foreach (VolumeRecord volume in composition.Volumes.List())
        {
            int links = composition.Containers.List().Count(container => container.Mounts.Any(mount =>
                mount.Kind == ContainerMountKind.Volume && mount.Source == volume.Name));
            volumes.Add(
                volume.Name, links.ToString(CultureInfo.InvariantCulture), HumanText.Size(DiskUsage.Of(composition.Volumes.DataPath(volume.Name))));
        }

        volumes.Write(cli.Out);
        cli.Out.WriteLine($"\nBuild cache usage: {HumanText.Size(inventory.TotalBytes, significantDigits: 4)}\n");
        TextTable cache = new("CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "SHARED", "DESCRIPTION");
        foreach (CacheEntry entry in inventory.Entries.Where(entry => entry.Kind != CacheEntryKind.Internal))
        {
            cache.Add(
                HumanText.ShortId(entry.Id), entry.TypeName, HumanText.Size(entry.Bytes), HumanText.Ago(entry.Created, now),
                HumanText.Ago(entry.LastUsed, now), entry.IsShared ? "true" : "false", HumanText.Truncate(entry.Description, 60));
        }

        cache.Write(cli.Out);
    }

    private static void WriteImages(Composition composition, CacheInventory inventory, DateTimeOffset now)
    {
        TextTable table = new("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS");
        List<string> users = [.. composition.Containers.List().Select(container => container.ImageId)];
        IReadOnlyList<StoredImage> images = composition.Images.List();
        IReadOnlyDictionary<Frontend.Naming.Digest, (long Bytes, long UniqueBytes)> sizes =
            inventory.MeasureEachImage(images.Select(image => image.Id));
        foreach (StoredImage image in images)
        {
            (long size, long unique) = sizes[image.Id];
            Frontend.Naming.ImageReference? name = image.Names.FirstOrDefault();
            table.Add(
                name?.FamiliarName ?? "<none>", name?.Tag ?? "<none>", HumanText.ShortId(image.Id.ToString()),
                HumanText.Ago(image.Config.Created, now), HumanText.Size(size), HumanText.Size(size - unique), HumanText.Size(unique),
                users.Count(id => id == image.Id.ToString()).ToString(CultureInfo.InvariantCulture));
        }

        table.Write(composition.Cli.Out);
    }
}

/// <summary>A row of <c>system df</c>, by the names that docker's templates use.</summary>
internal sealed record DiskUsageRow(string Type, string TotalCount, string Active, string Size, string Reclaimable);

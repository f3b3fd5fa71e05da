// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Maintenance;
using Builder.Executor.Running;

namespace Builder.Cli.Commands;

/// <summary><c>image|container|volume|system prune</c>.</summary>
internal static class PruneCommands
{
    private static readonly ImmutableDictionary<string, string> s_noLabels = ImmutableDictionary<string, string>.Empty;

    /// <summary>Makes <c>image prune</c>.</summary>
    public static Command CreateImage(CliContext cli, GlobalOptions global) => Create(
        cli,
        global,
        "Remove unused images",
        withAll: true,
        all => all
            ? "all images without at least one container associated to them"
            : "all dangling images",
        PruneImages);

    /// <summary>Makes <c>container prune</c>.</summary>
    public static Command CreateContainer(CliContext cli, GlobalOptions global) => Create(
        cli,
        global,
        "Remove all containers that do not run",
        withAll: false,
        _ => "all stopped containers",
        (composition, filter, _) => PruneContainers(composition, filter));

    /// <summary>Makes <c>volume prune</c>.</summary>
    public static Command CreateVolume(CliContext cli, GlobalOptions global) => Create(
        cli,
        global,
        "Remove unused volumes",
        withAll: true,
        all => all ? "all volumes not used by at least one container" : "anonymous volumes not used by at least one container",
        PruneVolumes);

    /// <summary>Makes <c>system prune</c>.</summary>
    public static Command CreateSystem(CliContext cli, GlobalOptions global)
    {
        Option<bool> volumes = OptionFactory.Flag("--volumes", "Also anonymous volumes that no container uses");
        return Create(
            cli,
            global,
            "Remove unused data",
            withAll: true,
            all => "all stopped containers, "
                + (all ? "all images without at least one container associated to them, " : "all dangling images, ")
                + (all ? "all build cache" : "unused build cache"),
            (composition, filter, all) =>
            {
                PruneContainers(composition, filter);
                PruneImages(composition, filter, all);
            },
            volumes,
            (composition, unusedFor, all) =>
                BuilderPruneCommand.Prune(composition, new PruneRule { All = all, UnusedFor = unusedFor }, verbose: false));
    }

    /// <summary>Asks before something is removed.</summary>
    public static bool Confirm(CliContext cli, string what)
    {
        cli.Out.WriteLine($"WARNING! This will remove {what}.");
        cli.Out.Write("Are you sure you want to continue? [y/N] ");
        cli.Out.Flush();
        return cli.In.ReadLine()?.Trim() is "y" or "Y" or "yes";
    }

    private static Command Create(
        CliContext cli,
        GlobalOptions global,
        string description,
        bool withAll,
        Func<bool, string> warning,
        Action<Composition, PruneFilter, bool> prune,
        Option<bool>? volumes = null,
        Action<Composition, TimeSpan, bool>? pruneCache = null)
    {
        Option<bool> all = OptionFactory.Flag("--all", "Also what is merely unused", "-a");
        Option<bool> force = OptionFactory.Flag("--force", "Do not ask", "-f");
        Option<string[]> filter = OptionFactory.List("--filter", "FILTER", "until=TIME, label=NAME[=VALUE], label!=NAME[=VALUE]");
        Command command = new("prune", description) { force, filter };
        if (withAll)
        {
            command.Add(all);
        }

        if (volumes is not null)
        {
            command.Add(volumes);
        }

        command.SetAction(parsed =>
        {
            DateTimeOffset now = cli.Time.GetUtcNow();
            PruneFilter conditions = PruneFilter.Parse(parsed.GetValue(filter), now);
            bool everything = withAll && parsed.GetValue(all);
            bool withVolumes = volumes is not null && parsed.GetValue(volumes);
            string what = warning(everything) + (withVolumes ? ", anonymous volumes not used by at least one container" : "");
            if (!parsed.GetValue(force) && !Confirm(cli, what))
            {
                return ExitCode.Success;
            }

            using Composition composition = Composition.Open(cli, parsed, global);
            long before = DiskUsage.Of(composition.Root);
            prune(composition, conditions, everything);
            if (withVolumes)
            {
                PruneVolumes(composition, conditions, all: false);
            }

            // docker has no labels on build cache: a condition on them leaves it alone.
            if (!conditions.HasLabels)
            {
                pruneCache?.Invoke(composition, conditions.Until is { } until ? now - until : TimeSpan.Zero, everything);
            }

            new GarbageCollector(composition.Store).TryCollect();
            long freed = Math.Max(0, before - DiskUsage.Of(composition.Root));
            cli.Out.WriteLine($"Total reclaimed space: {HumanText.Size(freed, significantDigits: 4)}");
            return ExitCode.Success;
        });
        return command;
    }

    private static void PruneImages(Composition composition, PruneFilter filter, bool all)
    {
        foreach (StoredImage image in composition.Images.List()
            .Where(image => (all || image.Names.IsEmpty) && filter.Accepts(image.Config.Created, image.Config.Labels)))
        {
            if (composition.FindUser(image) is not null)
            {
                continue;
            }

            foreach (RemovedItem item in composition.Images.Remove(image.Id.ToString(), force: true, _ => null))
            {
                composition.Cli.Out.WriteLine($"{(item.Deleted ? "deleted" : "untagged")}: {item.Subject}");
            }
        }
    }

    private static void PruneContainers(Composition composition, PruneFilter filter)
    {
        foreach (ContainerRecord container in composition.Containers.List()
            .Where(container => filter.Accepts(container.Created, container.Labels)))
        {
            if (composition.Containers.ReadState(container.Id).Status != ContainerStatus.Running)
            {
                composition.Control.Remove(container, force: false, withVolumes: true);
                composition.Cli.Out.WriteLine(container.Id);
            }
        }
    }

    private static void PruneVolumes(Composition composition, PruneFilter filter, bool all)
    {
        HashSet<string> used = VolumeCommands.Used(composition);
        foreach (VolumeRecord volume in composition.Volumes.List().Where(volume =>
            (all || volume.IsAnonymous) && !used.Contains(volume.Name) && filter.Accepts(volume.Created, s_noLabels)))
        {
            composition.Volumes.Remove(volume.Name);
            composition.Cli.Out.WriteLine(volume.Name);
        }
    }
}

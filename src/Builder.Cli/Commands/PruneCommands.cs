// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Running;

namespace Builder.Cli.Commands;

/// <summary><c>image|container|volume|builder|system prune</c>.</summary>
internal static class PruneCommands
{
    /// <summary>Makes <c>image prune</c>.</summary>
    public static Command CreateImage(CliContext cli, GlobalOptions global) => Create(
        cli,
        global,
        "Remove unused images",
        all => all
            ? "all images without at least one container associated to them"
            : "all dangling images",
        (composition, _, all) => PruneImages(composition, all));

    /// <summary>Makes <c>container prune</c>.</summary>
    public static Command CreateContainer(CliContext cli, GlobalOptions global) => Create(
        cli, global, "Remove all containers that do not run", _ => "all stopped containers", (composition, _, _) => PruneContainers(composition));

    /// <summary>Makes <c>volume prune</c>.</summary>
    public static Command CreateVolume(CliContext cli, GlobalOptions global) => Create(
        cli,
        global,
        "Remove unused volumes",
        all => all ? "all volumes not used by at least one container" : "anonymous volumes not used by at least one container",
        PruneVolumes);

    /// <summary>Makes <c>builder prune</c>.</summary>
    public static Command CreateBuilder(CliContext cli, GlobalOptions global) => Create(
        cli,
        global,
        "Remove the build cache",
        all => all ? "all build cache, the contents of cache mounts included" : "all build cache but the contents of cache mounts",
        PruneSteps);

    /// <summary>Makes <c>system prune</c>.</summary>
    public static Command CreateSystem(CliContext cli, GlobalOptions global) => Create(
        cli,
        global,
        "Remove unused data",
        all => "all stopped containers, "
            + (all ? "all images without at least one container associated to them, " : "all dangling images, ")
            + "unused build cache",
        (composition, pruner, all) =>
        {
            PruneContainers(composition);
            PruneImages(composition, all);
            PruneSteps(composition, pruner, all);
        });

    private static Command Create(
        CliContext cli,
        GlobalOptions global,
        string description,
        Func<bool, string> warning,
        Action<Composition, StorePruner, bool> prune)
    {
        Option<bool> all = OptionFactory.Flag("--all", "Also what is merely unused", "-a");
        Option<bool> force = OptionFactory.Flag("--force", "Do not ask", "-f");
        Command command = new("prune", description) { all, force };
        command.SetAction(parsed =>
        {
            bool everything = parsed.GetValue(all);
            if (!parsed.GetValue(force) && !Confirm(cli, warning(everything)))
            {
                return ExitCode.Success;
            }

            using Composition composition = Composition.Open(cli, parsed, global);
            StorePruner pruner = new(composition.Store);
            long before = StorePruner.DirectorySize(composition.Root);
            prune(composition, pruner, everything);
            pruner.Collect();
            long freed = Math.Max(0, before - StorePruner.DirectorySize(composition.Root));
            cli.Out.WriteLine($"Total reclaimed space: {HumanText.Size(freed, significantDigits: 4)}");
            return ExitCode.Success;
        });
        return command;
    }

    private static bool Confirm(CliContext cli, string what)
    {
        cli.Out.WriteLine($"WARNING! This will remove {what}.");
        cli.Out.Write("Are you sure you want to continue? [y/N] ");
        cli.Out.Flush();
        return cli.In.ReadLine()?.Trim() is "y" or "Y" or "yes";
    }

    private static void PruneImages(Composition composition, bool all)
    {
        foreach (StoredImage image in composition.Images.List().Where(image => all || image.Names.IsEmpty))
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

    private static void PruneContainers(Composition composition)
    {
        foreach (ContainerRecord container in composition.Containers.List())
        {
            if (composition.Containers.ReadState(container.Id).Status != ContainerStatus.Running)
            {
                composition.Control.Remove(container, force: false, withVolumes: true);
                composition.Cli.Out.WriteLine(container.Id);
            }
        }
    }

    private static void PruneVolumes(Composition composition, StorePruner pruner, bool all)
    {
        HashSet<string> used = VolumeCommands.Used(composition);
        foreach (VolumeRecord volume in composition.Volumes.List()
            .Where(volume => (all || volume.IsAnonymous) && !used.Contains(volume.Name)))
        {
            composition.Volumes.Remove(volume.Name);
            composition.Cli.Out.WriteLine(volume.Name);
        }
    }

    private static void PruneSteps(Composition composition, StorePruner pruner, bool all)
    {
        if (!pruner.TryForgetSteps(withMounts: all))
        {
            composition.Cli.Error.WriteLine("warning: another bld uses the store: the build cache is kept");
        }
    }
}

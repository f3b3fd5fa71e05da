// SPDX-License-Identifier: Apache-2.0

using Builder.Cli.Progress;
using Builder.Executor.Images;
using Builder.Frontend.Naming;
using Builder.Solver.Ports;

namespace Builder.Cli.Running;

/// <summary>Finds the image of a command line, and pulls it when that is asked for or needed.</summary>
internal static class ImageLookup
{
    /// <summary>The image of a name or id.</summary>
    /// <param name="composition">The store and the registries.</param>
    /// <param name="name">A name, an id or the beginning of one.</param>
    /// <param name="pull"><c>--pull</c>; null is "missing".</param>
    /// <param name="platform"><c>--platform</c>, or null for this machine's.</param>
    /// <param name="quiet">Do not show the pull.</param>
    /// <param name="cancellationToken">Cancels the pull.</param>
    public static async Task<StoredImage> FindOrPullAsync(
        Composition composition, string name, string? pull, string? platform, bool quiet, CancellationToken cancellationToken)
    {
        PullPolicy policy = ParsePolicy(pull);
        Platform wanted = Platforms.Parse(platform);
        if (policy != PullPolicy.Always
            && composition.Images.Find(name, wanted) is { } local && local.Config.Platform.Satisfies(wanted))
        {
            return local;
        }

        if (policy == PullPolicy.Never)
        {
            throw new CommandException($"no such image: {name}", ExitCode.SandboxFailed)
            {
                Hint = "--pull never forbids to fetch it",
            };
        }

        ImageReference reference = Composition.ParseName(name);
        if (!quiet)
        {
            composition.Cli.Error.WriteLine($"Unable to find image '{name}' locally");
        }

        using TransferDisplay display = new(composition.Cli, quiet);
        composition.Transferred = display.Observe;
        ImagePuller puller = new(composition.Store, composition.ImageSource);
        return (await puller.PullAsync(reference, wanted, PullPolicy.Always, cancellationToken)).Image;
    }

    /// <summary>Parses <c>--pull</c>.</summary>
    /// <exception cref="UsageException">No such policy.</exception>
    public static PullPolicy ParsePolicy(string? text) => text switch
    {
        null or "missing" or "false" => PullPolicy.Missing,
        "always" or "true" => PullPolicy.Always,
        "never" => PullPolicy.Never,
        _ => throw new UsageException($"invalid argument \"{text}\" for --pull") { Hint = "one of always, missing, never" },
    };
}

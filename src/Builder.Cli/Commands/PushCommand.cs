// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Cli.Progress;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;

namespace Builder.Cli.Commands;

/// <summary><c>bld push</c>.</summary>
internal static class PushCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string> name = OptionFactory.Operand("NAME[:TAG]", "The image; its name says the registry");
        Option<bool> quiet = OptionFactory.Flag("--quiet", "Show only the name", "-q");
        RegistryFlags registry = new();
        Command command = new("push", "Send an image to its registry") { name, quiet };
        registry.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global, registry);
            ImageReference target = Composition.ParseTag(parsed.GetRequiredValue(name));
            bool isQuiet = parsed.GetValue(quiet);
            Descriptor source = composition.DescribeTarget(target);
            PushedImage pushed = await PushAsync(
                composition, target, source, new PushOptions(), isQuiet, cancellationToken);
            cli.Out.WriteLine(isQuiet
                ? target.ToString()
                : $"{target.Tag}: digest: {pushed.Manifest.Digest} size: {pushed.Manifest.Size}");
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Pushes a manifest or index of the store under a name.</summary>
    public static async Task<PushedImage> PushAsync(
        Composition composition, ImageReference target, Descriptor source, PushOptions options, bool quiet,
        CancellationToken cancellationToken)
    {
        if (!quiet)
        {
            composition.Cli.Error.WriteLine($"The push refers to repository [{target.Registry}/{target.Repository}]");
        }

        using TransferDisplay display = new(composition.Cli, quiet);
        ImagePusher pusher = new(composition.Store, composition.Registries, composition.ImageSource);
        return await pusher.PushAsync(
            source, target, options with { Progress = display.Observe }, cancellationToken);
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Cli.Progress;
using Builder.Cli.Running;
using Builder.Executor.Images;
using Builder.Frontend.Naming;
using Builder.Solver.Ports;

namespace Builder.Cli.Commands;

/// <summary><c>bld pull</c>.</summary>
internal static class PullCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string> name = OptionFactory.Operand("NAME[:TAG|@DIGEST]", "The image");
        Option<bool> quiet = OptionFactory.Flag("--quiet", "Show only the name", "-q");
        Option<string?> platform = OptionFactory.Text("--platform", "OS/ARCH", "Fetch the image of this platform");
        RegistryFlags registry = new();
        Command command = new("pull", "Fetch an image from its registry") { name, quiet, platform };
        registry.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global, registry);
            ImageReference reference = Composition.ParseName(parsed.GetRequiredValue(name));
            bool isQuiet = parsed.GetValue(quiet);
            PulledImage pulled;
            using (TransferDisplay display = new(cli, isQuiet))
            {
                composition.Transferred = display.Observe;
                ImagePuller puller = new(composition.Store, composition.ImageSource);
                pulled = await puller.PullAsync(
                    reference, Platforms.Parse(parsed.GetValue(platform)), PullPolicy.Always, cancellationToken);
            }

            if (!isQuiet)
            {
                string shown = $"{reference.FamiliarName}{(reference.Tag is null ? "" : ":" + reference.Tag)}";
                cli.Out.WriteLine($"Digest: {pulled.Digest}");
                cli.Out.WriteLine(pulled.IsUpToDate
                    ? $"Status: Image is up to date for {shown}"
                    : $"Status: Downloaded newer image for {shown}");
            }

            cli.Out.WriteLine(reference.ToString());
            return ExitCode.Success;
        });
        return command;
    }
}

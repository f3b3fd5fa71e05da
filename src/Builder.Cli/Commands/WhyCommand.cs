// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Cli.Running;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Frontend.Naming;
using Builder.Solver.Explaining;

namespace Builder.Cli.Commands;

/// <summary><c>bld why</c>: which steps of a build ran, and which input of each was not what it had been.</summary>
internal static class WhyCommand
{
    private const string DefaultDockerfile = "Dockerfile";

    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string?> subject = OptionFactory.OptionalOperand(
            "IMAGE|DOCKERFILE|DIRECTORY", "An image, or what was built last from a Dockerfile (default: the one here)");
        Argument<string?> step = OptionFactory.OptionalOperand("STEP", "Only steps with this text in their name");
        Option<string?> platform = OptionFactory.Text("--platform", "PLATFORM", "The platform of the build");
        Option<bool> inputs = OptionFactory.Flag("--inputs", "Show everything that the steps' keys are made of");
        Command command = new("why", "Explain why steps of a build ran") { subject, step, platform, inputs };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            BuildExplainer explainer = new(new CacheDirectory(composition.Store, cli.Time));
            string name = parsed.GetValue(subject) ?? DefaultDockerfile;
            Platform wanted = Platforms.Parse(parsed.GetValue(platform));
            BuildTrace trace = await FindAsync(composition, explainer, name, wanted, cancellationToken)
                ?? throw new CommandException($"explain {name}: no build of this store is known to have made it")
                {
                    Hint = "images that were pulled or loaded, and builds whose records were removed, cannot be explained",
                };
            string? part = parsed.GetValue(step);
            await MissReport.WriteAsync(
                cli.Out,
                explainer,
                trace.Steps.Where(found => part is null || found.Name.Contains(part, StringComparison.OrdinalIgnoreCase)),
                parsed.GetValue(inputs),
                cancellationToken);
            return ExitCode.Success;
        });
        return command;
    }

    private static async Task<BuildTrace?> FindAsync(
        Composition composition,
        BuildExplainer explainer,
        string name,
        Platform platform,
        CancellationToken cancellationToken)
    {
        string path = Directory.Exists(name) ? Path.Combine(name, DefaultDockerfile) : name;
        if (File.Exists(path))
        {
            return await explainer.FindProjectAsync(Path.GetFullPath(path), platform, cancellationToken);
        }

        StoredImage image = composition.GetImage(name);
        return await explainer.FindImageAsync(image.Config.RootFs, cancellationToken);
    }
}

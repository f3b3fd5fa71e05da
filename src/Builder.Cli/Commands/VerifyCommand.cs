// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Globalization;
using Builder.Cli.Building;
using Builder.Cli.CommandLine;
using Builder.Cli.Progress;
using Builder.Cli.Running;
using Builder.Executor.Content;
using Builder.Executor.Context;
using Builder.Executor.Images;
using Builder.Executor.Steps;
using Builder.Frontend;
using Builder.Solver;

namespace Builder.Cli.Commands;

/// <summary>
/// <c>bld verify</c>: builds again without any cache and compares the result with an image; 0 when they are equal, 1 when
/// they differ. The rebuild leaves nothing behind: no image, no step record.
/// </summary>
internal static class VerifyCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        BuildOptions options = new();
        Argument<string> image = OptionFactory.Operand("IMAGE", "The image to verify, by name or id");
        Option<bool> ignoreTimes = OptionFactory.Flag("--ignore-times", "Times of files and of the config do not count");
        Option<bool> rewrite = OptionFactory.Flag(
            "--rewrite-timestamp", "The image was written with rewrite-timestamp=true");
        Option<bool> all = OptionFactory.Flag("--all", "Show every path that differs, not the first 50 of a layer", "-a");
        Command command = new("verify", "Build an image again and show what differs") { image, ignoreTimes, rewrite, all };
        options.Context.Arity = ArgumentArity.ZeroOrOne;
        options.Context.DefaultValueFactory = _ => ".";
        AddTo(command, options);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global, options.Registry);
            bool isEqual;
            using (composition.Store.Use())
            {
                string? platform = parsed.GetValue(options.Platform)?.LastOrDefault();
                StoredImage stored = Find(composition, parsed.GetRequiredValue(image), platform);
                PlatformImage rebuilt = await BuildAsync(composition, options, parsed, stored, cancellationToken);
                if (parsed.GetValue(rewrite))
                {
                    rebuilt = await new TimestampRewriter(composition.Store, composition.ImageSource.Layers, new ForgetfulCache())
                        .RewriteAsync(rebuilt, cancellationToken);
                }

                isEqual = await new VerifyReport(composition, parsed.GetValue(ignoreTimes), parsed.GetValue(all))
                    .WriteAsync(stored, rebuilt, cancellationToken);
                cli.Out.WriteLine(isEqual ? $"{parsed.GetValue(image)}: equal" : $"{parsed.GetValue(image)}: differs");
                if (!isEqual && rebuilt.Epoch is null && !parsed.GetValue(ignoreTimes))
                {
                    cli.Error.WriteLine("hint: neither build had SOURCE_DATE_EPOCH, so times cannot agree: see --ignore-times");
                }
            }

            new GarbageCollector(composition.Store).TryCollect();
            return isEqual ? ExitCode.Success : ExitCode.Failure;
        });
        return command;
    }

    /// <summary>Everything that can change what is built; where the result goes is no question here.</summary>
    private static void AddTo(Command command, BuildOptions options)
    {
        command.Add(options.Context);
        foreach (Option option in (Option[])
        [
            options.File, options.Target, options.BuildArg, options.BuildContext, options.Label, options.Platform, options.Pull,
            options.Progress, options.Secret, options.Ssh, options.Allow, options.AddHost, options.ShmSize, options.Ulimit,
            options.Network, options.Timestamp, options.Jobs, options.Isolation,
        ])
        {
            command.Add(option);
        }

        options.Registry.AddTo(command);
    }

    private static StoredImage Find(Composition composition, string name, string? platform) =>
        platform is null
            ? composition.GetImage(name)
            : composition.Images.Find(name, Platforms.Parse(platform))
                ?? throw new CommandException($"no such image: {name} for {platform}")
                {
                    Hint = "'bld images' lists the images of the store",
                };

    private static async Task<PlatformImage> BuildAsync(
        Composition composition, BuildOptions options, ParseResult parsed, StoredImage image, CancellationToken cancellationToken)
    {
        CliContext cli = composition.Cli;
        RequestReader reader = new(cli, options, parsed);
        StepServices services = BuildServices.Read(cli, options, parsed);
        using RemoteSource remotes = new(composition.Store, id => BuildServices.TextOf(services, id), cli.Time);
        using BuildContexts contexts = await new ContextLoader(composition.Store, remotes, cli.Time)
            .LoadAsync(reader.ReadContext(), cancellationToken);
        BuildRequest request = reader.Read(DockerfileParser.Parse(contexts.Dockerfile)) with { NoCache = true };
        if (request.Platforms.Length > 1)
        {
            throw new UsageException("verify takes one platform at a time");
        }

        if (request.SourceDateEpoch is null && EpochOf(image) is { } epoch)
        {
            cli.Error.WriteLine($"note: the image was made for SOURCE_DATE_EPOCH={epoch}: so is the rebuild");
            request = request with { SourceDateEpoch = epoch };
        }

        using StepExecutor executor = new(composition.Store, composition.ImageSource.Layers, services);
        BuildSolver solver = new(new BuildPorts
        {
            Images = composition.ImageSource,
            Contexts = contexts,
            Remotes = remotes,
            Executor = executor,
            Cache = new ForgetfulCache(),
            Time = cli.Time,
        });
        using IProgressDisplay display = ProgressDisplay.Create(cli, parsed.GetValue(options.Progress), quiet: false);
        BuildResult result = await solver.SolveAsync(request, display, cancellationToken);
        return result.Images[0];
    }

    /// <summary>An image that was made for an epoch says so by a time of whole seconds.</summary>
    private static string? EpochOf(StoredImage image) =>
        image.Config.Created is { } created && created.UtcTicks % TimeSpan.TicksPerSecond == 0
            ? created.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)
            : null;
}

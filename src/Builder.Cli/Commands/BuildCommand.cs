// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Builder.Cli.Building;
using Builder.Cli.CommandLine;
using Builder.Cli.Progress;
using Builder.Cli.Running;
using Builder.Executor.Context;
using Builder.Executor.Images;
using Builder.Executor.Maintenance;
using Builder.Executor.Steps;
using Builder.Frontend;
using Builder.Frontend.Lint;
using Builder.Solver;
using Builder.Solver.Explaining;

namespace Builder.Cli.Commands;

/// <summary><c>bld build</c>.</summary>
internal static class BuildCommand
{
    private const string IdFile = "--iidfile";
    private const string MetadataFile = "--metadata-file";

    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        BuildOptions options = new();
        Command command = new("build", "Build an image from a Dockerfile");
        options.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global, options.Registry);
            string? call = parsed.GetValue(options.Check) ? "check" : parsed.GetValue(options.Call);
            return call is null or "build"
                ? await BuildAndCollectAsync(composition, options, parsed, cancellationToken)
                : await CallAsync(composition, options, parsed, call, cancellationToken);
        });
        return command;
    }

    /// <summary>Builds; when that added something to the store, keeps the build cache within its limits.</summary>
    private static async Task<int> BuildAndCollectAsync(
        Composition composition, BuildOptions options, ParseResult parsed, CancellationToken cancellationToken)
    {
        CollectionLimits limits = CollectionSettings.Read(composition.Cli);
        bool isGrown;
        try
        {
            isGrown = await BuildAsync(composition, options, parsed, cancellationToken);
        }
        catch (BuildException failure) when (failure is not UsageException)
        {
            // Perhaps there was no room: the next build shall have some.
            Collect(composition, limits, isGrown: true);
            throw;
        }

        Collect(composition, limits, isGrown);
        return ExitCode.Success;
    }

    private static void Collect(Composition composition, CollectionLimits limits, bool isGrown)
    {
        try
        {
            new AutomaticCollection(composition.Store, limits, composition.Time).RunIfDue(isGrown);
        }
        catch (Exception failure) when (failure is BuildException or IOException or UnauthorizedAccessException)
        {
            composition.Cli.Error.WriteLine($"warning: keep the build cache within its limits: {failure.Message}");
        }
    }

    /// <summary>Builds; true when a step ran.</summary>
    private static async Task<bool> BuildAsync(
        Composition composition, BuildOptions options, ParseResult parsed, CancellationToken cancellationToken)
    {
        CliContext cli = composition.Cli;
        RequestReader reader = new(cli, options, parsed);
        bool quiet = parsed.GetValue(options.Quiet);
        FixedOptions.Check(parsed);
        ResultFile.Prepare(IdFile, parsed.GetValue(options.IdFile));
        ResultFile.Prepare(MetadataFile, parsed.GetValue(options.MetadataFile));
        ImmutableArray<ImageAnnotation> annotations = reader.ReadAnnotations();
        ImmutableArray<OutputSpec> outputs = reader.ReadOutputs();
        ImmutableArray<Frontend.Naming.ImageReference> tags = reader.ReadTags();
        StepServices services = BuildServices.Read(cli, options, parsed);
        using IDisposable use = composition.Store.Use();
        using RemoteSource remotes = new(composition.Store, id => BuildServices.TextOf(services, id), cli.Time);
        using BuildContexts contexts = await new ContextLoader(composition.Store, remotes, cli.Time)
            .LoadAsync(reader.ReadContext(), cancellationToken);
        BuildRequest request = reader.Read(DockerfileParser.Parse(contexts.Dockerfile));
        WarnOfUnknownStages(cli, request);
        using StepCaches caches = await StepCaches.OpenAsync(
            composition, parsed.GetValue(options.CacheFrom), parsed.GetValue(options.CacheTo), cancellationToken);
        using StepExecutor executor = new(
            composition.Store, composition.ImageSource.Layers, services with { CacheMounts = caches.Mounts });
        BuildOutputs writer = new(composition, executor, caches);
        await using LayersAhead? ahead = writer.BeginAhead(outputs, tags, cancellationToken);
        BuildSolver solver = new(new BuildPorts
        {
            Images = composition.ImageSource,
            Contexts = contexts,
            Remotes = remotes,
            Executor = executor,
            Cache = caches.Cache,
            Locks = new StoreStepLocks(composition.Store.Locks),
            Layers = ahead,
            Time = cli.Time,
        });
        BuildResult result;
        using (IProgressDisplay display = ProgressDisplay.Create(cli, parsed.GetValue(options.Progress), quiet))
        {
            display.Begin(cli.Isolation);
            result = await solver.SolveAsync(request with { SharesCache = caches.IsShared }, display, cancellationToken);
        }

        await (ahead?.FinishAsync() ?? Task.CompletedTask);
        BuildOutcome outcome = await writer.WriteAsync(result, outputs, tags, annotations, quiet, cancellationToken);
        await caches.ExportAsync(result, cancellationToken);
        if (parsed.GetValue(options.Explain))
        {
            await Output.MissReport.WriteAsync(
                cli.Error,
                new BuildExplainer(caches.Cache),
                result.Images.SelectMany(image => image.Trace.Steps),
                withInputs: false,
                cancellationToken);
        }

        Report(cli, options, parsed, outcome, result, quiet);
        return result.Images.Any(image => image.Trace.Steps.Any(step => step.Fate != StepFate.Cached));
    }

    /// <summary>Says which stages of <c>--no-cache-filter</c> the Dockerfile does not have.</summary>
    private static void WarnOfUnknownStages(CliContext cli, BuildRequest request)
    {
        foreach (string name in request.NoCacheFilter.Where(name => !request.Dockerfile.Stages.Any(stage =>
            string.Equals(stage.Name ?? $"stage-{stage.Index}", name, StringComparison.OrdinalIgnoreCase))))
        {
            cli.Error.WriteLine($"warning: --no-cache-filter {name}: there is no stage of that name");
        }
    }

    private static void Report(
        CliContext cli, BuildOptions options, ParseResult parsed, BuildOutcome outcome, BuildResult result, bool quiet)
    {
        ResultFile.Write(IdFile, parsed.GetValue(options.IdFile), outcome.Id.ToString());
        ResultFile.Write(
            MetadataFile,
            parsed.GetValue(options.MetadataFile),
            Metadata(outcome, result).ToJsonString(new JsonSerializerOptions
            {
                WriteIndented = true,
                Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // "+json", not "\u002Bjson"
            }));
        if (quiet)
        {
            cli.Out.WriteLine(outcome.Id.ToString());
            return;
        }

        foreach (Frontend.Naming.ImageReference name in outcome.Names)
        {
            cli.Error.WriteLine($"named {name.FamiliarName}:{name.Tag} ({Output.HumanText.ShortId(outcome.Id.ToString())})");
        }
    }

    /// <summary>The keys of buildx's metadata file.</summary>
    private static JsonObject Metadata(BuildOutcome outcome, BuildResult result)
    {
        JsonObject metadata = new() { ["containerimage.config.digest"] = outcome.Id.ToString() };
        if (outcome.Target is { } target)
        {
            metadata["containerimage.descriptor"] = new JsonObject
            {
                ["mediaType"] = target.MediaType,
                ["digest"] = target.Digest.ToString(),
                ["size"] = target.Size,
            };
            metadata["containerimage.digest"] = target.Digest.ToString();
        }

        if (!outcome.Names.IsEmpty)
        {
            metadata["image.name"] = string.Join(',', outcome.Names.Select(name => name.ToString()));
        }

        if (!result.Warnings.IsEmpty)
        {
            metadata["buildx.build.warnings"] = new JsonArray([.. result.Warnings.Select(warning =>
                (JsonNode?)new JsonObject { ["short"] = $"{warning.Code}: {warning.Message}" })]);
        }

        return metadata;
    }

    private static async Task<int> CallAsync(
        Composition composition, BuildOptions options, ParseResult parsed, string call, CancellationToken cancellationToken)
    {
        CliContext cli = composition.Cli;
        RequestReader reader = new(cli, options, parsed);
        using RemoteSource remotes = new(composition.Store, _ => null, cli.Time);
        using BuildContexts contexts = await new ContextLoader(composition.Store, remotes, cli.Time)
            .LoadAsync(reader.ReadContext(), cancellationToken);
        LintOptions lint = new()
        {
            BuildArgs = reader.ReadBuildArgs()
                .Aggregate(ImmutableDictionary<string, string>.Empty, (all, pair) => all.SetItem(pair.Key, pair.Value)),
            Target = parsed.GetValue(options.Target),
            BuildPlatform = Platforms.Host,
            TargetPlatform = Platforms.Parse(parsed.GetValue(options.Platform)?.FirstOrDefault()),
            Ignore = contexts.Ignore,
        };
        return CheckReport.WriteCall(cli, DockerfileParser.Parse(contexts.Dockerfile), lint, call);
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend;
using Builder.Frontend.Instructions;
using Builder.Frontend.Naming;
using Builder.Solver.Explaining;
using Builder.Solver.Graph;
using Builder.Solver.Images;
using Builder.Solver.Lowering;
using Builder.Solver.Operations;
using Builder.Solver.Progress;
using Builder.Solver.Scheduling;

namespace Builder.Solver;

/// <summary>The build of one platform: resolve, lower, schedule, assemble.</summary>
internal sealed class PlatformBuild
{
    private readonly BuildSession _session;
    private readonly ImageResolver _images;
    private readonly Platform _platform;
    private readonly bool _isExplicit;

    /// <summary>Creates the build of a platform; an explicit one (<c>--platform</c>) is what the config will say.</summary>
    public PlatformBuild(BuildSession session, ImageResolver images, Platform platform, bool isExplicit)
    {
        _session = session;
        _images = images;
        _platform = platform;
        _isExplicit = isExplicit;
        Arguments = new BuildArguments(session.Request);
    }

    /// <summary>The build args.</summary>
    public BuildArguments Arguments { get; }

    /// <summary>The ONBUILD triggers that were met.</summary>
    public IReadOnlyCollection<Instruction> Triggers { get; private set; } = [];

    /// <summary>What the checks found; of several platforms only the first is checked.</summary>
    public ImmutableArray<Diagnostic> Findings { get; private set; } = [];

    /// <summary>Builds.</summary>
    public async Task<PlatformImage> SolveAsync(CancellationToken cancellationToken)
    {
        BuildRequest request = _session.Request;
        Dockerfile dockerfile = request.Dockerfile;
        int target = StageResolver.FindTarget(dockerfile, request.Target);
        EnvironmentList globals = GlobalArguments.Evaluate(
            dockerfile, Arguments, request.HostPlatform, _platform, request.Target);
        long? epoch = await new EpochResolver(_session, dockerfile, Arguments, globals).ResolveAsync(cancellationToken);

        var resolver = new StageResolver(dockerfile, Arguments, globals, _platform, request.HostPlatform, _images);
        ResolvedStage resolved = await resolver.ResolveAsync(target, cancellationToken);
        Triggers = resolver.Triggers;
        Check(resolved);

        var context = new LoweringContext
        {
            Request = request,
            Arguments = Arguments,
            Globals = globals,
            Words = new LocatedExpander(dockerfile),
            Target = _platform,
            Epoch = epoch,
            Remotes = _session.Ports.Remotes,
            ShowPlatform = request.Platforms.Length > 1,
        };
        LoweredStage lowered = new StageLowering(context).Lower(resolved);
        foreach ((string name, SourceSpan span) in context.Bases)
        {
            using ProgressStep step = _session.Progress.Start(name, span);
            step.Complete(cached: false);
        }

        var graph = new BuildGraph([.. context.Vertices], lowered.FileSystem);
        var trace = new TraceRecorder(
            _session.Ports.Cache, request.Project ?? dockerfile.Source.Name, _platform, request.SharesCache);
        IReadOnlyDictionary<Vertex, VertexResult> results = await SolveGraphAsync(graph, trace, cancellationToken);
        LayerStack fileSystem = graph.Output.Stack ?? results[graph.Output.Vertex!].Stack;
        return new PlatformImage(_platform, Finish(ImageAssembler.Assemble(lowered, fileSystem, results, epoch)))
        {
            Trace = await trace.FinishAsync(graph, fileSystem, cancellationToken),
            BaseLayerCount = lowered.Config.Current.RootFs.Layers.Length,
            Epoch = epoch,
            CacheMounts =
            [
                .. graph.Vertices.OfType<RunVertex>().SelectMany(run => run.Mounts).Select(mount => mount.Mount)
                    .OfType<CacheStepMount>().Select(mount => mount.Id).Distinct(StringComparer.Ordinal),
            ],
        };
    }

    private void Check(ResolvedStage resolved)
    {
        BuildRequest request = _session.Request;
        if (request.Platforms.IsEmpty || ReferenceEquals(request.Platforms[0], _platform))
        {
            Findings = BuildChecks.Run(request, resolved, _platform);
            foreach (Diagnostic finding in Findings)
            {
                _session.Progress.Report(new BuildWarned(finding));
            }
        }
    }

    private async Task<IReadOnlyDictionary<Vertex, VertexResult>> SolveGraphAsync(
        BuildGraph graph, TraceRecorder trace, CancellationToken cancellationToken)
    {
        bool solved = false;
        try
        {
            IReadOnlyDictionary<Vertex, VertexResult> results =
                await new GraphScheduler(_session, trace).SolveAsync(graph, cancellationToken);
            solved = true;
            return results;
        }
        finally
        {
            if (!solved)
            {
                // What ran before the failure is explained like any other step.
                await trace.FinishAsync(graph, null, CancellationToken.None);
            }
        }
    }

    private ImageConfig Finish(ImageConfig config)
    {
        foreach (KeyValuePair<string, string> label in _session.Request.Labels)
        {
            config = config with { Labels = config.Labels.SetItem(label.Key, label.Value) };
        }

        if (!_isExplicit)
        {
            return config;
        }

        // What the base says of the variant stays when the command line says nothing else.
        bool isSame = config.Platform.Os == _platform.Os && config.Platform.Architecture == _platform.Architecture;
        return config with
        {
            Platform = _platform with
            {
                Variant = _platform.Variant ?? (isSame ? config.Platform.Variant : null),
                OsVersion = _platform.OsVersion ?? (isSame ? config.Platform.OsVersion : null),
            },
        };
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Lowering;
using Builder.Solver.Ports;
using Builder.Solver.Progress;
using Builder.Solver.Scheduling;
using Microsoft.Extensions.Caching.Distributed;

namespace Builder.Solver;

/// <summary>Builds what a <see cref="BuildRequest"/> asks for by the fewest steps, through its ports.</summary>
public sealed class BuildSolver
{
    private readonly BuildPorts _ports;

    /// <summary>Creates a solver over its ports.</summary>
    public BuildSolver(BuildPorts ports)
    {
        _ports = ports;
    }

    /// <summary>Solves.</summary>
    /// <exception cref="BuildException">The build failed; the place in the Dockerfile is in it.</exception>
    public async Task<BuildResult> SolveAsync(
        BuildRequest request, IBuildObserver observer, CancellationToken cancellationToken)
    {
        using var session = new BuildSession(_ports, request, observer);
        bool isExplicit = !request.Platforms.IsEmpty;
        ImmutableArray<Platform> platforms = isExplicit ? request.Platforms : [request.HostPlatform];
        var images = new ImageResolver(_ports, request.Pull, session.Progress, platforms.Length > 1);
        PlatformBuild[] builds =
            [.. platforms.Select(platform => new PlatformBuild(session, images, platform, isExplicit))];

        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<PlatformImage>[] tasks = [.. builds.Select(build => SolveOneAsync(build, all))];
        PlatformImage[] solved;
        try
        {
            solved = await Task.WhenAll(tasks);
        }
        catch (OperationCanceledException) when (tasks.FirstOrDefault(task => task.IsFaulted) is { } failed)
        {
            // One platform failed and took the others with it: the failure is what matters.
            await failed;
            throw;
        }

        return new BuildResult([.. solved], [.. builds.SelectMany(build => build.Findings), .. Warn(session, builds)]);
    }

    private static async Task<PlatformImage> SolveOneAsync(PlatformBuild build, CancellationTokenSource all)
    {
        bool done = false;
        try
        {
            PlatformImage image = await build.SolveAsync(all.Token);
            done = true;
            return image;
        }
        finally
        {
            if (!done)
            {
                await all.CancelAsync();
            }
        }
    }

    private static ImmutableArray<Diagnostic> Warn(BuildSession session, PlatformBuild[] builds)
    {
        ImmutableArray<string> unused = builds[0].Arguments.FindUnused(
            session.Request.Dockerfile, builds.SelectMany(build => build.Triggers));
        if (unused.IsEmpty)
        {
            return [];
        }

        var warning = new Diagnostic
        {
            Severity = DiagnosticSeverity.Warning,
            Code = "UnusedBuildArg",
            Message = $"one or more build-args [{string.Join(' ', unused)}] were not consumed",
            Hint = "declare them with ARG in the Dockerfile, or leave the --build-arg out",
        };
        session.Progress.Report(new BuildWarned(warning));
        return [warning];
    }
}

/// <summary>Everything the solver needs from outside.</summary>
public sealed record BuildPorts
{
    /// <summary>Base images.</summary>
    public required IImageSource Images { get; init; }

    /// <summary>Build contexts.</summary>
    public required IContextSource Contexts { get; init; }

    /// <summary>ADD's remote sources and archives.</summary>
    public required IRemoteSource Remotes { get; init; }

    /// <summary>The executor.</summary>
    public required IStepExecutor Executor { get; init; }

    /// <summary>Step records.</summary>
    public required IDistributedCache Cache { get; init; }

    /// <summary>
    /// Keeps several builds on one store from making the same layer at the same time; null when no other can be there.
    /// </summary>
    public IStepLocks? Locks { get; init; }

    /// <summary>Told about layers as they are there; null when nobody wants to know.</summary>
    public IFinishedLayers? Layers { get; init; }

    /// <summary>The clock.</summary>
    public required TimeProvider Time { get; init; }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Ports;
using Builder.Solver.Progress;
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
    /// <exception cref="Frontend.BuildException">The build failed; the place in the Dockerfile is in it.</exception>
    public Task<BuildResult> SolveAsync(
        BuildRequest request, IBuildObserver observer, CancellationToken cancellationToken) =>
        throw new NotImplementedException(_ports.ToString());
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

    /// <summary>The clock.</summary>
    public required TimeProvider Time { get; init; }
}

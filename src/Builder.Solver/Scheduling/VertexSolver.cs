// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Caching;
using Builder.Solver.Graph;
using Builder.Solver.Progress;

namespace Builder.Solver.Scheduling;

/// <summary>What the solvers of all kinds of vertices do alike.</summary>
internal abstract class VertexSolver(BuildSession session, GraphScheduler scheduler)
{
    /// <summary>The build.</summary>
    protected BuildSession Session { get; } = session;

    /// <summary>The graph.</summary>
    protected GraphScheduler Scheduler { get; } = scheduler;

    /// <summary>Finds a step's result by its key or makes it; shown as a step, and noted for <c>why</c>.</summary>
    protected async Task<StepOutcome> SolveStepAsync(
        Vertex vertex, CacheKey key, Func<ProgressStep, Task<StepOutcome>> make, CancellationToken cancellationToken)
    {
        using ProgressStep step = Session.Progress.Start(vertex.Origin.Name, vertex.Origin.Span);
        try
        {
            StepOutcome outcome = await FindOrMakeAsync(vertex, key, () => make(step), cancellationToken);
            step.Complete(outcome.Cached);
            Scheduler.Trace.Add(vertex, key, outcome.Cached);
            return outcome;
        }
        catch (Exception failure) when (step.Note(failure))
        {
            throw;
        }
    }

    /// <summary>Finds a result by a key or makes it.</summary>
    protected Task<StepOutcome> FindOrMakeAsync(
        Vertex vertex, CacheKey key, Func<Task<StepOutcome>> make, CancellationToken cancellationToken) =>
        Session.Steps.GetAsync(key, !vertex.Origin.NoCache, make, cancellationToken);
}

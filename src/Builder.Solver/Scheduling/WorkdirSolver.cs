// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Caching;
using Builder.Solver.Copying;
using Builder.Solver.Files;
using Builder.Solver.Graph;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Progress;

namespace Builder.Solver.Scheduling;

/// <summary>Solves WORKDIR: by its parent, and when that is new by the entries that it would write.</summary>
internal sealed class WorkdirSolver
{
    private readonly BuildSession _session;
    private readonly GraphScheduler _scheduler;

    /// <summary>Creates the solver of one graph.</summary>
    public WorkdirSolver(BuildSession session, GraphScheduler scheduler)
    {
        _session = session;
        _scheduler = scheduler;
    }

    /// <summary>Solves one vertex.</summary>
    public async Task<VertexResult> SolveAsync(WorkdirVertex vertex, CancellationToken cancellationToken)
    {
        (LayerStack parent, _) = await _scheduler.StackOfAsync(vertex.Parent);
        CacheKey key = StepKeys.ForWorkdir(vertex.Directory, vertex.User, vertex.Epoch, parent.ChainId);
        using ProgressStep step = _session.Progress.Start(vertex.Origin.Name, vertex.Origin.Span);
        try
        {
            StepOutcome outcome = await _session.Steps.GetAsync(
                key, !vertex.Origin.NoCache, () => MakeAsync(vertex, parent, cancellationToken), cancellationToken);
            step.Complete(outcome.Cached);
            _scheduler.Trace.Add(vertex, key, outcome.Cached);
            LayerStack stack = outcome.Record.Layer is { } layer ? parent.Push(layer) : parent;
            return new VertexResult(stack, outcome.Record, stack.ChainId, outcome.Cached);
        }
        catch (Exception failure) when (step.Note(failure))
        {
            throw;
        }
    }

    private async Task<StepOutcome> MakeAsync(
        WorkdirVertex vertex, LayerStack parent, CancellationToken cancellationToken)
    {
        IFileTree? tree = parent.IsEmpty
            ? null
            : await _session.Ports.Executor.OpenTreeAsync(parent, cancellationToken);
        LayerPlan? plan = WorkdirPlanner.Plan(tree, vertex.Directory, vertex.User, vertex.Epoch);
        if (plan is null)
        {
            return new StepOutcome(new StepRecord(null, 0, _session.Ports.Time.GetUtcNow(), []), Cached: false);
        }

        return await _session.Steps.GetAsync(
            StepKeys.ForResolvedWorkdir(plan),
            !vertex.Origin.NoCache,
            () => _session.WriteAsync(plan, parent, cancellationToken),
            cancellationToken);
    }
}

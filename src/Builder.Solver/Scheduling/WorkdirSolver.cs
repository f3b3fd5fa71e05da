// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Caching;
using Builder.Solver.Copying;
using Builder.Solver.Files;
using Builder.Solver.Graph;
using Builder.Solver.Images;
using Builder.Solver.Operations;

namespace Builder.Solver.Scheduling;

/// <summary>Solves WORKDIR: by its parent, and when that is new by the entries that it would write.</summary>
internal sealed class WorkdirSolver(BuildSession session, GraphScheduler scheduler)
    : VertexSolver(session, scheduler)
{
    /// <summary>Solves one vertex.</summary>
    public async Task<VertexResult> SolveAsync(WorkdirVertex vertex, CancellationToken cancellationToken)
    {
        (LayerStack parent, _) = await Scheduler.StackOfAsync(vertex.Parent);
        CacheKey key = StepKeys.ForWorkdir(vertex.Directory, vertex.User, vertex.Epoch, parent.ChainId);
        StepOutcome outcome = await SolveStepAsync(
            vertex, key, _ => MakeAsync(vertex, parent, cancellationToken), cancellationToken);
        LayerStack stack = outcome.Record.Layer is { } layer ? parent.Push(layer) : parent;
        return new VertexResult(stack, outcome.Record, stack.ChainId, outcome.Cached);
    }

    private async Task<StepOutcome> MakeAsync(
        WorkdirVertex vertex, LayerStack parent, CancellationToken cancellationToken)
    {
        IFileTree? tree = parent.IsEmpty
            ? null
            : await Session.Ports.Executor.OpenTreeAsync(parent, cancellationToken);
        LayerPlan? plan = WorkdirPlanner.Plan(tree, vertex.Directory, vertex.User, vertex.Epoch);
        if (plan is null)
        {
            return new StepOutcome(new StepRecord(null, 0, Session.Ports.Time.GetUtcNow(), []), Cached: false);
        }

        return await FindOrMakeAsync(
            vertex,
            StepKeys.ForResolvedWorkdir(plan),
            () => Session.WriteAsync(plan, parent, cancellationToken),
            cancellationToken);
    }
}

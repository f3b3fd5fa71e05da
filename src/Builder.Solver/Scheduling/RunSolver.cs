// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Graph;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Ports;
using Builder.Solver.Progress;

namespace Builder.Solver.Scheduling;

/// <summary>Solves RUN.</summary>
internal sealed class RunSolver
{
    private readonly BuildSession _session;
    private readonly GraphScheduler _scheduler;

    /// <summary>Creates the solver of one graph.</summary>
    public RunSolver(BuildSession session, GraphScheduler scheduler)
    {
        _session = session;
        _scheduler = scheduler;
    }

    /// <summary>Solves one vertex.</summary>
    public async Task<VertexResult> SolveAsync(RunVertex vertex, CancellationToken cancellationToken)
    {
        (LayerStack parent, _) = await _scheduler.StackOfAsync(vertex.Parent);
        (ImmutableArray<StepMount> mounts, ImmutableArray<Digest?> sources) = await CompleteMountsAsync(vertex);
        RunOperation operation = vertex.Operation with { Mounts = mounts };
        CacheKey key = StepKeys.ForRun(operation, vertex.Platform, parent.ChainId, sources);

        using ProgressStep step = _session.Progress.Start(vertex.Origin.Name, vertex.Origin.Span);
        try
        {
            StepOutcome outcome = await _session.Steps.GetAsync(
                key,
                !vertex.Origin.NoCache,
                () => ExecuteAsync(operation, parent, step, cancellationToken),
                cancellationToken);
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

    private async Task<(ImmutableArray<StepMount> Mounts, ImmutableArray<Digest?> Sources)> CompleteMountsAsync(
        RunVertex vertex)
    {
        if (vertex.Mounts.IsEmpty)
        {
            return ([], []);
        }

        ImmutableArray<StepMount>.Builder mounts = ImmutableArray.CreateBuilder<StepMount>(vertex.Mounts.Length);
        ImmutableArray<Digest?>.Builder sources = ImmutableArray.CreateBuilder<Digest?>(vertex.Mounts.Length);
        foreach ((StepMount mount, FileSystemInput? source) in vertex.Mounts)
        {
            if (source is null)
            {
                mounts.Add(mount);
                sources.Add(null);
                continue;
            }

            (LayerStack stack, Digest content) = await _scheduler.StackOfAsync(source);
            mounts.Add(mount switch
            {
                BindStepMount bind => bind with { Source = stack },
                CacheStepMount cache => cache with { Initial = stack },
                _ => mount,
            });
            sources.Add(content);
        }

        return (mounts.MoveToImmutable(), sources.MoveToImmutable());
    }

    private async Task<StepOutcome> ExecuteAsync(
        RunOperation operation, LayerStack parent, ProgressStep step, CancellationToken cancellationToken)
    {
        await _session.Slots.WaitAsync(cancellationToken);
        try
        {
            LayerResult result = await _session.Ports.Executor.RunAsync(operation, parent, step, cancellationToken);
            return _session.Made(result);
        }
        finally
        {
            _session.Slots.Release();
        }
    }
}

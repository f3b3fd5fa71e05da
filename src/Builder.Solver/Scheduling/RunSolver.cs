// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Copying;
using Builder.Solver.Graph;
using Builder.Solver.Images;
using Builder.Solver.Lowering;
using Builder.Solver.Operations;
using Builder.Solver.Ports;
using Builder.Solver.Progress;

namespace Builder.Solver.Scheduling;

/// <summary>Solves RUN.</summary>
internal sealed class RunSolver(BuildSession session, GraphScheduler scheduler)
    : VertexSolver(session, scheduler)
{
    /// <summary>Solves one vertex.</summary>
    public async Task<VertexResult> SolveAsync(RunVertex vertex, CancellationToken cancellationToken)
    {
        (LayerStack parent, _) = await Scheduler.StackOfAsync(vertex.Parent);
        (ImmutableArray<StepMount> mounts, ImmutableArray<Digest?> sources) = await CompleteMountsAsync(vertex);
        RunOperation operation = vertex.Operation with { Mounts = mounts };
        CacheKey key = StepKeys.ForRun(operation, vertex.Platform, parent.ChainId, sources);
        StepOutcome outcome = await SolveStepAsync(
            vertex, key, step => MakeAsync(vertex, operation, parent, sources, step, cancellationToken), cancellationToken);
        LayerStack stack = outcome.Record.Layer is { } layer ? parent.Push(layer) : parent;
        return new VertexResult(stack, outcome.Record, stack.ChainId, outcome.Cached);
    }

    /// <summary>
    /// Executes, unless the files below the mounted paths are those of an earlier run: a mount of a directory of a
    /// stage need not run again because something else in the stage changed.
    /// </summary>
    private async Task<StepOutcome> MakeAsync(
        RunVertex vertex,
        RunOperation operation,
        LayerStack parent,
        ImmutableArray<Digest?> sources,
        ProgressStep step,
        CancellationToken cancellationToken)
    {
        ImmutableArray<Digest?> contents = await DigestMountsAsync(operation, sources, cancellationToken);
        return contents.SequenceEqual(sources)
            ? await ExecuteAsync(operation, parent, step, cancellationToken)
            : await FindOrMakeAsync(
                vertex,
                StepKeys.ForRun(operation, vertex.Platform, parent.ChainId, contents),
                () => ExecuteAsync(operation, parent, step, cancellationToken),
                cancellationToken);
    }

    private async Task<ImmutableArray<Digest?>> DigestMountsAsync(
        RunOperation operation, ImmutableArray<Digest?> sources, CancellationToken cancellationToken)
    {
        for (int i = 0; i < sources.Length; i++)
        {
            // Only a part of a file system is worth reading: all of it is named by its chainID.
            if (operation.Mounts[i] is BindStepMount { Path.Length: > 0 } bind && sources[i] == bind.Source.ChainId)
            {
                sources = sources.SetItem(i, await DigestAsync(bind, cancellationToken) ?? sources[i]);
            }
        }

        return sources;
    }

    private async Task<Digest?> DigestAsync(BindStepMount bind, CancellationToken cancellationToken)
    {
        string pattern = ContextPattern.Escape(bind.Path);
        var request = new CopyRequest { Sources = [pattern], Destination = "/mount", WorkingDirectory = "/" };
        var files = new FileSystemSource(FileSystemInput.Known(bind.Source), pattern);
        try
        {
            return await new SelectionReader(Session, Scheduler, request, [files], origin: null).DigestAsync(cancellationToken);
        }
        catch (SolveException)
        {
            // There is no such path: the mount itself will say so.
            return null;
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

            (LayerStack stack, Digest content) = await Scheduler.StackOfAsync(source);
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
        await Session.Slots.WaitAsync(cancellationToken);
        try
        {
            LayerResult result = await Session.Ports.Executor.RunAsync(operation, parent, step, cancellationToken);
            return Session.Made(result);
        }
        finally
        {
            Session.Slots.Release();
        }
    }
}

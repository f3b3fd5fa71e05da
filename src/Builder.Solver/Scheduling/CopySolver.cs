// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Copying;
using Builder.Solver.Files;
using Builder.Solver.Graph;
using Builder.Solver.Images;
using Builder.Solver.Operations;

namespace Builder.Solver.Scheduling;

/// <summary>
/// Solves COPY and ADD: by parent and source content, and when the parent is new by what the destination resolves to.
/// Sources are read while the parent is still being made.
/// </summary>
internal sealed class CopySolver(BuildSession session, GraphScheduler scheduler)
    : VertexSolver(session, scheduler)
{
    /// <summary>Solves one vertex.</summary>
    public async Task<VertexResult> SolveAsync(CopyVertex vertex, CancellationToken cancellationToken)
    {
        var source = new SelectionReader(Session, Scheduler, vertex.Request, vertex.Sources, vertex.Origin);
        Task<Digest> reading = source.DigestAsync(cancellationToken);

        // A linked layer is made without its parent; only the file system that it is part of waits for it.
        LayerStack? parent = null;
        if (vertex.Request.NeedsParent)
        {
            Task<(LayerStack Stack, Digest Content)> waiting = Scheduler.StackOfAsync(vertex.Parent);
            await Task.WhenAll(reading, waiting);
            parent = (await waiting).Stack;
        }

        Digest content = await reading;
        CacheKey key = StepKeys.ForCopy(vertex.Request, content, parent?.ChainId);
        StepOutcome outcome = await SolveStepAsync(
            vertex, key, _ => MakeAsync(vertex, source, content, parent, cancellationToken), cancellationToken);
        parent ??= (await Scheduler.StackOfAsync(vertex.Parent)).Stack;
        LayerStack stack = outcome.Record.Layer is { } layer ? parent.Push(layer) : parent;
        bool isContext = vertex.Parent.Stack is { IsEmpty: true } && vertex.Sources is [ContextFiles];
        return new VertexResult(stack, outcome.Record, isContext ? key.Digest : stack.ChainId, outcome.Cached);
    }

    private async Task<StepOutcome> MakeAsync(
        CopyVertex vertex,
        SelectionReader source,
        Digest content,
        LayerStack? parent,
        CancellationToken cancellationToken)
    {
        CopySelection selection = await source.SelectAsync(cancellationToken);
        await Scheduler.Trace.SaveFilesAsync(content, selection, cancellationToken);
        selection = await selection.UnpackAsync(Session.Ports.Remotes, cancellationToken);
        IFileTree? tree = parent is null || parent.IsEmpty
            ? null
            : await Session.Ports.Executor.OpenTreeAsync(parent, cancellationToken);
        DestinationResolution resolution = DestinationResolution.Resolve(tree, selection);
        return await FindOrMakeAsync(
            vertex,
            StepKeys.ForResolvedCopy(vertex.Request, content, resolution.Digest),
            async () =>
            {
                LayerPlan plan = CopyPlanner.Plan(selection, resolution) with
                {
                    Similar = await FindSimilarAsync(vertex, cancellationToken),
                };
                return await Session.WriteAsync(plan, parent ?? LayerStack.Empty, cancellationToken);
            },
            cancellationToken);
    }

    /// <summary>The layer that this step made in the build before: most of its files are probably the same.</summary>
    private async Task<DiffId?> FindSimilarAsync(CopyVertex vertex, CancellationToken cancellationToken)
    {
        Digest? key = await Scheduler.Trace.FindPreviousKeyAsync(vertex.Origin, cancellationToken);
        return key is { } previous ? (await Session.Records.FindAsync(previous, cancellationToken))?.Layer : null;
    }
}

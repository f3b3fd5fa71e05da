// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Copying;
using Builder.Solver.Files;
using Builder.Solver.Graph;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Progress;

namespace Builder.Solver.Scheduling;

/// <summary>
/// Solves COPY and ADD: by parent and source content, and when the parent is new by what the destination resolves to.
/// Sources are read while the parent is still being made.
/// </summary>
internal sealed class CopySolver
{
    private readonly BuildSession _session;
    private readonly GraphScheduler _scheduler;

    /// <summary>Creates the solver of one graph.</summary>
    public CopySolver(BuildSession session, GraphScheduler scheduler)
    {
        _session = session;
        _scheduler = scheduler;
    }

    /// <summary>Solves one vertex.</summary>
    public async Task<VertexResult> SolveAsync(CopyVertex vertex, CancellationToken cancellationToken)
    {
        var source = new CopySourceReader(_session, _scheduler, vertex);
        Task<Digest> reading = source.DigestAsync(cancellationToken);

        // A linked layer is made without its parent; only the file system that it is part of waits for it.
        LayerStack? parent = null;
        if (vertex.Request.NeedsParent)
        {
            Task<(LayerStack Stack, Digest Content)> waiting = _scheduler.StackOfAsync(vertex.Parent);
            await Task.WhenAll(reading, waiting);
            parent = (await waiting).Stack;
        }

        Digest content = await reading;
        CacheKey key = StepKeys.ForCopy(vertex.Request, content, parent?.ChainId);
        StepOutcome outcome = await SolveAsync(vertex, key, source, content, parent, cancellationToken);
        parent ??= (await _scheduler.StackOfAsync(vertex.Parent)).Stack;
        LayerStack stack = outcome.Record.Layer is { } layer ? parent.Push(layer) : parent;
        bool isContext = vertex.Parent.Stack is { IsEmpty: true } && vertex.Sources is [ContextFiles];
        return new VertexResult(stack, outcome.Record, isContext ? key.Digest : stack.ChainId, outcome.Cached);
    }

    private async Task<StepOutcome> SolveAsync(
        CopyVertex vertex,
        CacheKey key,
        CopySourceReader source,
        Digest content,
        LayerStack? parent,
        CancellationToken cancellationToken)
    {
        using ProgressStep step = _session.Progress.Start(vertex.Origin.Name, vertex.Origin.Span);
        try
        {
            StepOutcome outcome = await _session.Steps.GetAsync(
                key,
                !vertex.Origin.NoCache,
                () => MakeAsync(vertex, source, content, parent, cancellationToken),
                cancellationToken);
            step.Complete(outcome.Cached);
            _scheduler.Trace.Add(vertex, key, outcome.Cached);
            return outcome;
        }
        catch (Exception failure) when (step.Note(failure))
        {
            throw;
        }
    }

    private async Task<StepOutcome> MakeAsync(
        CopyVertex vertex,
        CopySourceReader source,
        Digest content,
        LayerStack? parent,
        CancellationToken cancellationToken)
    {
        CopySelection selection = await source.SelectAsync(cancellationToken);
        await _scheduler.Trace.SaveFilesAsync(content, selection, cancellationToken);
        selection = await selection.UnpackAsync(_session.Ports.Remotes, cancellationToken);
        IFileTree? tree = parent is null || parent.IsEmpty
            ? null
            : await _session.Ports.Executor.OpenTreeAsync(parent, cancellationToken);
        DestinationResolution resolution = DestinationResolution.Resolve(tree, selection);
        return await _session.Steps.GetAsync(
            StepKeys.ForResolvedCopy(vertex.Request, content, resolution.Digest),
            !vertex.Origin.NoCache,
            async () =>
            {
                LayerPlan plan = CopyPlanner.Plan(selection, resolution) with
                {
                    Similar = await FindSimilarAsync(vertex, cancellationToken),
                };
                return await _session.WriteAsync(plan, parent ?? LayerStack.Empty, cancellationToken);
            },
            cancellationToken);
    }

    /// <summary>The layer that this step made in the build before: most of its files are probably the same.</summary>
    private async Task<DiffId?> FindSimilarAsync(CopyVertex vertex, CancellationToken cancellationToken)
    {
        Digest? key = await _scheduler.Trace.FindPreviousKeyAsync(vertex.Origin, cancellationToken);
        return key is { } previous ? (await _session.Records.FindAsync(previous, cancellationToken))?.Layer : null;
    }
}

/// <summary>Reads the sources of a COPY once, and only as far as something needs them.</summary>
internal sealed class CopySourceReader
{
    private readonly BuildSession _session;
    private readonly GraphScheduler _scheduler;
    private readonly CopyVertex _vertex;
    private CopySelection? _selection;

    /// <summary>Creates the reader of one vertex.</summary>
    public CopySourceReader(BuildSession session, GraphScheduler scheduler, CopyVertex vertex)
    {
        _session = session;
        _scheduler = scheduler;
        _vertex = vertex;
    }

    /// <summary>
    /// The content digest of the selection. For sources that never change (stages, images, what was fetched) it is
    /// remembered, so that a known build opens no tree.
    /// </summary>
    public async Task<Digest> DigestAsync(CancellationToken cancellationToken)
    {
        var identities = new List<string>(_vertex.Sources.Length);
        foreach (VertexSource source in _vertex.Sources)
        {
            if (await IdentityAsync(source, cancellationToken) is not { } identity)
            {
                return SelectionDigest.Compute(await SelectAsync(cancellationToken));
            }

            identities.Add(identity);
        }

        Digest question = StepKeys.ForSelection(_vertex.Request, identities);
        if (await _session.Records.FindDigestAsync(question, cancellationToken) is { } known)
        {
            return known;
        }

        Digest digest = SelectionDigest.Compute(await SelectAsync(cancellationToken));
        await _session.Records.SaveDigestAsync(question, digest, cancellationToken);
        return digest;
    }

    /// <summary>The selected files.</summary>
    public async Task<CopySelection> SelectAsync(CancellationToken cancellationToken)
    {
        if (_selection is null)
        {
            ImmutableArray<CopySource>.Builder sources = ImmutableArray.CreateBuilder<CopySource>();
            foreach (VertexSource source in _vertex.Sources)
            {
                sources.Add(await OpenAsync(source, cancellationToken));
            }

            _selection = CopySelection.Select(sources.ToImmutable(), _vertex.Request);
        }

        return _selection;
    }

    private async Task<string?> IdentityAsync(VertexSource source, CancellationToken cancellationToken) => source switch
    {
        FileSystemSource files => (await _scheduler.StackOfAsync(files.FileSystem)).Stack.ChainId.ToString(),
        _ => (await OpenAsync(source, cancellationToken)).Tree.Identity,
    };

    private async Task<CopySource> OpenAsync(VertexSource source, CancellationToken cancellationToken)
    {
        switch (source)
        {
            case ContextFiles context:
                IFileTree tree = await _session.OpenContextAsync(context.Name, cancellationToken);
                return new CopySource(CopySourceKind.Pattern, tree, context.Pattern);
            case FileSystemSource files:
                (LayerStack stack, _) = await _scheduler.StackOfAsync(files.FileSystem);
                return new CopySource(
                    CopySourceKind.Pattern,
                    await _session.Ports.Executor.OpenTreeAsync(stack, cancellationToken),
                    files.Pattern);
            case RemoteSource remote:
                Ports.FetchedFile fetched = await _session.FetchAsync(remote.File, cancellationToken);
                return new CopySource(
                    fetched.Path.Length == 0 ? CopySourceKind.Contents : CopySourceKind.FetchedFile,
                    fetched.Tree,
                    fetched.Path);
            default:
                throw new InvalidOperationException($"a source of the unknown kind {source.GetType().Name}");
        }
    }
}

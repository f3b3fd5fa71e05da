// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Copying;
using Builder.Solver.Files;
using Builder.Solver.Graph;
using Builder.Solver.Images;
using Builder.Solver.Ports;

namespace Builder.Solver.Scheduling;

/// <summary>Reads the files that a COPY or a mount selects, once, and only as far as something needs them.</summary>
internal sealed class SelectionReader
{
    private readonly BuildSession _session;
    private readonly GraphScheduler _scheduler;
    private readonly CopyRequest _request;
    private readonly ImmutableArray<VertexSource> _sources;
    private readonly VertexOrigin? _origin;
    private CopySelection? _selection;

    /// <summary>Creates the reader of a request whose sources come from <paramref name="sources"/>, one by one.</summary>
    public SelectionReader(
        BuildSession session, GraphScheduler scheduler, CopyRequest request, ImmutableArray<VertexSource> sources,
        VertexOrigin? origin)
    {
        _session = session;
        _scheduler = scheduler;
        _request = request;
        _sources = sources;
        _origin = origin;
    }

    /// <summary>
    /// The content digest of the selection. For sources that never change (stages, images, what was fetched) it is
    /// remembered, so that a known build opens no tree.
    /// </summary>
    public async Task<Digest> DigestAsync(CancellationToken cancellationToken)
    {
        var identities = new List<string>(_sources.Length);
        foreach (VertexSource source in _sources)
        {
            if (await IdentityAsync(source, cancellationToken) is not { } identity)
            {
                return SelectionDigest.Compute(await SelectAsync(cancellationToken));
            }

            identities.Add(identity);
        }

        Digest question = StepKeys.ForSelection(_request, identities);
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
            foreach (VertexSource source in _sources)
            {
                sources.Add(await OpenAsync(source, cancellationToken));
            }

            _selection = CopySelection.Select(sources.ToImmutable(), _request);
        }

        return _selection;
    }

    private async Task<FetchedFile> FetchAsync(RemoteSource remote, CancellationToken cancellationToken)
    {
        try
        {
            return await _session.FetchAsync(remote.File, cancellationToken);
        }
        catch (BuildException failure) when (Locate(failure, _sources.IndexOf(remote)))
        {
            throw;
        }
    }

    /// <summary>Adds the place of a source to a failure, as an exception filter: always false.</summary>
    private bool Locate(BuildException failure, int source)
    {
        if (_origin is not null && source >= 0 && source < _origin.Words.Length)
        {
            failure.Locate(_origin.Source, _origin.Words[source].Span);
        }

        return false;
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
                FetchedFile fetched = await FetchAsync(remote, cancellationToken);
                return new CopySource(
                    fetched.Path.Length == 0 ? CopySourceKind.Contents : CopySourceKind.FetchedFile,
                    fetched.Tree,
                    fetched.Path);
            default:
                throw new InvalidOperationException($"a source of the unknown kind {source.GetType().Name}");
        }
    }
}

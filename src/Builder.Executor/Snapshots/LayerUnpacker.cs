// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Layers;
using Builder.Executor.Oci;
using Builder.Solver.Files;
using Builder.Solver.Images;

namespace Builder.Executor.Snapshots;

/// <summary>Makes snapshots of the layers of a stack from their blobs: fetched together, unpacked on all cores.</summary>
internal sealed class LayerUnpacker : IDisposable
{
    private readonly Store _store;
    private readonly SnapshotStore _snapshots;
    private readonly ILayerFetcher? _fetcher;
    private readonly SemaphoreSlim _slots = new(Environment.ProcessorCount);

    /// <summary>Unpacks into <paramref name="snapshots"/>.</summary>
    public LayerUnpacker(Store store, SnapshotStore snapshots, ILayerFetcher? fetcher)
    {
        _store = store;
        _snapshots = snapshots;
        _fetcher = fetcher;
    }

    /// <summary>The directories of a stack, top first.</summary>
    public async Task<IReadOnlyList<string>> EnsureAsync(LayerStack stack, CancellationToken cancellationToken)
    {
        using IDisposable use = _store.Use();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var layers = new Task<string>[stack.Layers.Length];
        for (int i = 0; i < layers.Length; i++)
        {
            int index = i;
            layers[i] = _snapshots.FindDirectory(stack, i) is { } there
                ? Task.FromResult(there)
                : Task.Run(() => UnpackAsync(stack, index, layers, stop.Token), stop.Token);
        }

        try
        {
            string[] directories = await Task.WhenAll(layers).ConfigureAwait(false);
            Array.Reverse(directories);
            return directories;
        }
        catch
        {
            // One layer cannot be had: the others need not be finished, but must not go on behind the caller's back.
            await stop.CancelAsync().ConfigureAwait(false);
            await ((Task)Task.WhenAll(layers)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _slots.Dispose();

    private async Task<string> UnpackAsync(
        LayerStack stack, int index, Task<string>[] layers, CancellationToken cancellationToken)
    {
        DiffId layer = stack.Layers[index];
        using IDisposable held = await _store.Locks
            .AcquireAsync($"layer {layer}", cancellationToken).ConfigureAwait(false);
        if (_snapshots.FindDirectory(stack, index) is { } there)
        {
            return there;
        }

        Descriptor blob = await FindBlobAsync(layer, cancellationToken).ConfigureAwait(false);
        await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Unpack(stack, index, blob, () => OpenBelow(stack, index, layers), cancellationToken);
        }
        finally
        {
            _slots.Release();
        }

        return _snapshots.FindDirectory(stack, index)
            ?? throw new ContentException(ContentFailure.NotFound, $"unpack layer {layer}: its snapshot has vanished");
    }

    /// <summary>The layers below, as soon as they are there; the slot is free for them in the meantime.</summary>
    private MergedTree? OpenBelow(LayerStack stack, int index, Task<string>[] layers)
    {
        if (index == 0)
        {
            return null;
        }

        _slots.Release();
        try
        {
            Task.WhenAll(layers[..index]).GetAwaiter().GetResult();
        }
        finally
        {
            _slots.Wait();
        }

        return _snapshots.Open(new LayerStack(stack.Layers[..index]));
    }

    private async Task<Descriptor> FindBlobAsync(DiffId layer, CancellationToken cancellationToken)
    {
        foreach (Descriptor known in _store.Layers.Find(layer, verifiedOnly: false))
        {
            if (_store.Blobs.IsFile(known.Digest))
            {
                return known;
            }
        }

        if (_store.Blobs.IsFile(layer.Value))
        {
            return new Descriptor
            {
                MediaType = MediaTypes.OciLayer,
                Digest = layer.Value,
                Size = _store.Blobs.FindSize(layer.Value) ?? 0,
            };
        }

        Descriptor? fetched = _fetcher is null
            ? null
            : await _fetcher.FetchAsync(layer, cancellationToken).ConfigureAwait(false);
        return fetched ?? throw new ContentException(
            ContentFailure.NotFound, $"unpack layer {layer}: neither the store nor a known registry has it")
        {
            Hint = "pull or build the image again",
        };
    }

    private void Unpack(
        LayerStack stack, int index, Descriptor blob, Func<IFileTree?> below, CancellationToken cancellationToken)
    {
        DiffId layer = stack.Layers[index];
        using LayerDraft draft = _snapshots.BeginLayer();
        ApplyResult result;
        long tarBytes;
        try
        {
            using var digesting = new DigestingReadStream(
                new ReadAheadStream(LayerCompression.OpenRead(_store.Blobs.Open(blob.Digest))));
            using (var target = new LayerDirectory(draft.FilesPath, draft.Owners))
            using (var applier = new LayerApplier(target, below))
            {
                result = applier.Apply(digesting, cancellationToken);
            }

            DiffId found = digesting.Finish();
            if (found != layer)
            {
                throw new ContentException(
                    ContentFailure.DigestMismatch,
                    $"unpack layer {blob.Digest}: its content has the diffID {found}, the image says {layer}");
            }

            tarBytes = digesting.Position;
        }
        catch (ContentException)
        {
            _store.Layers.Remove(layer, blob);
            throw;
        }
        catch (Exception failure) when (failure is InvalidDataException or EndOfStreamException)
        {
            _store.Layers.Remove(layer, blob);
            throw new ContentException(
                ContentFailure.Malformed, $"unpack layer {blob.Digest}: {failure.Message}", failure);
        }

        var record = new SnapshotRecord
        {
            DiffId = layer.ToString(),
            TarBytes = tarBytes,
            ContentBytes = result.ContentBytes,
            IsCanonical = false,
        };
        ImmutableArray<DiffId> upTo = stack.Layers[..(index + 1)];
        draft.CommitAs(
            result.NeedsParent && index > 0 ? LayerStack.ComputeChainId(upTo.AsSpan()) : layer.Value, record);
        _store.Layers.Add(layer, blob, verified: true);
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Layers;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Images;

/// <summary>
/// Gives layers in gzip. What was compressed once stays in the store and is found again; the bytes depend on the layer
/// and the level alone. One layer is compressed at a time, on all cores.
/// </summary>
internal sealed class LayerPacker
{
    private static readonly SemaphoreSlim s_compressing = new(1);

    private readonly Store _store;

    public LayerPacker(Store store)
    {
        _store = store;
    }

    /// <summary>The descriptor of a compressed form that is in the store.</summary>
    /// <exception cref="ContentException">The layer is not in the store, or its snapshot is damaged.</exception>
    public async Task<Descriptor> PackAsync(DiffId layer, PushOptions options, CancellationToken cancellationToken)
    {
        if (FindPacked(layer) is { } known)
        {
            return known;
        }

        await s_compressing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using IDisposable held = await _store.Locks.AcquireAsync($"pack {layer}", cancellationToken).ConfigureAwait(false);
            return FindPacked(layer)
                ?? await Task.Run(() => Pack(layer, options, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            s_compressing.Release();
        }
    }

    private Descriptor? FindPacked(DiffId layer) => _store.Layers.Find(layer, verifiedOnly: true)
        .FirstOrDefault(form => !MediaTypes.IsPlainLayer(form.MediaType) && _store.Blobs.IsFile(form.Digest));

    private Descriptor Pack(DiffId layer, PushOptions options, CancellationToken cancellationToken)
    {
        long total = _store.Blobs.FindSize(layer.Value) ?? 0;

        // The stream checks that the snapshot still is the layer.
        using Stream content = new ProgressStream(_store.Blobs.Open(layer.Value), done => options.Progress?.Invoke(
            new TransferProgress(TransferAction.Compress, layer.ToString(), done, total, done == total)));
        using BlobWriteStream writer = _store.Blobs.BeginWrite();
        new ParallelGzip(options.CompressionLevel ?? ParallelGzip.DefaultLevel).Compress(content, writer, cancellationToken);
        Digest digest = writer.Commit();
        Descriptor packed = new() { MediaType = MediaTypes.OciLayerGzip, Digest = digest, Size = writer.Length };
        _store.Layers.Add(layer, packed, verified: true);
        return packed;
    }
}

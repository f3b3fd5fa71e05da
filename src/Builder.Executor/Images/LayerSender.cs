// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Solver.Images;

namespace Builder.Executor.Images;

/// <summary>Brings blobs of the store, or layers that are only known to be elsewhere, into a repository.</summary>
internal sealed class LayerSender
{
    /// <summary>One layer is compressed at a time, on all cores, while others are being sent.</summary>
    private static readonly SemaphoreSlim s_compressing = new(1);

    private readonly Store _store;
    private readonly LayerFetcher _layers;
    private readonly LayerExporter _exporter;

    public LayerSender(Store store, LayerFetcher layers)
    {
        _store = store;
        _layers = layers;
        _exporter = new LayerExporter(store, layers);
    }

    /// <summary>Sends a layer in the form that suits a registry best, and says which.</summary>
    /// <param name="listed">The form that the image lists.</param>
    /// <param name="diffId">The layer's identity; null when it is not known: then the form listed is sent.</param>
    /// <param name="repository">Where to.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<Descriptor> SendLayerAsync(
        Descriptor listed, DiffId? diffId, RegistryRepository repository, PushOptions options,
        CancellationToken cancellationToken)
    {
        if (listed.Urls is { IsEmpty: false } && !_store.Blobs.Contains(listed.Digest))
        {
            // A layer that may not be distributed stays where it is.
            return listed;
        }

        if (diffId is { } layer && NeedsChange(listed, options.Compression))
        {
            return await SendCompressedAsync(layer, repository, options, cancellationToken).ConfigureAwait(false);
        }

        await SendBlobAsync(listed, diffId, repository, options, cancellationToken).ConfigureAwait(false);
        return listed;
    }

    /// <summary>Sends a layer in a compressed form: one that the registry has, else one that is known, else a new one.</summary>
    public async Task<Descriptor> SendCompressedAsync(
        DiffId layer, RegistryRepository repository, PushOptions options, CancellationToken cancellationToken)
    {
        List<Descriptor> elsewhere =
        [
            .. _store.Layers.Find(layer, verifiedOnly: true).Concat(_layers.OriginsOf(layer).Select(origin => origin.Blob))
                .Where(form => !NeedsChange(form, options.Compression) && !_store.Blobs.IsFile(form.Digest))
                .DistinctBy(form => form.Digest),
        ];
        foreach (Descriptor known in elsewhere)
        {
            if (await repository.HasBlobAsync(known.Digest, cancellationToken).ConfigureAwait(false))
            {
                Report(options, TransferAction.Present, known);
                return known;
            }
        }

        Descriptor packed = _store.Blobs.Contains(layer.Value)
            || elsewhere.Count == 0
            || _store.Layers.Find(layer, verifiedOnly: true).Any(form => _store.Blobs.IsFile(form.Digest))
            ? await CompressAsync(layer, options, cancellationToken).ConfigureAwait(false)
            : elsewhere[0];
        await SendBlobAsync(packed, layer, repository, options, cancellationToken).ConfigureAwait(false);
        return packed;
    }

    /// <summary>Sends a blob of the store, or a layer that is known to be elsewhere, as it is.</summary>
    public Task SendBlobAsync(
        Descriptor blob, DiffId? layer, RegistryRepository repository, PushOptions options,
        CancellationToken cancellationToken) => SendBlobAsync(
        blob,
        repository,
        _layers.RepositoriesWith(blob.Digest, repository.Endpoint.Registry),
        token => OpenAsync(blob, layer, token),
        options,
        cancellationToken);

    /// <summary>Sends a blob unless the registry has it or can mount it; only then it is opened.</summary>
    public static async Task SendBlobAsync(
        Descriptor blob, RegistryRepository repository, ImmutableArray<string> mountFrom,
        Func<CancellationToken, Task<Stream>> open, PushOptions options, CancellationToken cancellationToken)
    {
        string item = blob.Digest.ToString();
        UploadOutcome outcome = await BlobUpload.RunAsync(
            repository,
            blob.Digest,
            blob.Size,
            async (offset, token) =>
            {
                Stream stream = await open(token).ConfigureAwait(false);
                await SkipAsync(stream, offset, token).ConfigureAwait(false);
                return stream;
            },
            mountFrom,
            count => options.Progress?.Invoke(new TransferProgress(TransferAction.Upload, item, count, blob.Size, false)),
            cancellationToken).ConfigureAwait(false);
        TransferAction action = outcome switch
        {
            UploadOutcome.Present => TransferAction.Present,
            UploadOutcome.Mounted => TransferAction.Mounted,
            _ => TransferAction.Upload,
        };
        Report(options, action, blob);
    }

    /// <summary>A layer's compressed form as a file of the store, fetched or made when it is not there.</summary>
    public async Task<Descriptor> EnsureFileAsync(
        DiffId layer, PushOptions options, CancellationToken cancellationToken)
    {
        LayerOrigin? origin = _layers.OriginsOf(layer).Find(known => !MediaTypes.IsPlainLayer(known.Blob.MediaType));
        if (origin is null || _store.Blobs.Contains(layer.Value))
        {
            return await CompressAsync(layer, options, cancellationToken).ConfigureAwait(false);
        }

        await _layers.FetchAsync(origin, cancellationToken).ConfigureAwait(false);
        return origin.Blob;
    }

    private static bool NeedsChange(Descriptor layer, CompressionOptions wanted)
    {
        Layers.Compression kind = LayerExporter.KindOf(layer.MediaType);
        return kind != wanted.Kind && (wanted.Force || kind == Layers.Compression.None);
    }

    private async Task<Descriptor> CompressAsync(DiffId layer, PushOptions options, CancellationToken cancellationToken)
    {
        if (_store.Layers.Find(layer, verifiedOnly: true).FirstOrDefault(form =>
            !NeedsChange(form, options.Compression) && _store.Blobs.IsFile(form.Digest)) is { } known)
        {
            return known;
        }

        await s_compressing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            long total = _store.Blobs.FindSize(layer.Value) ?? 0;
            options.Progress?.Invoke(new TransferProgress(TransferAction.Compress, layer.ToString(), 0, total, false));
            Descriptor made = await _exporter.EnsureAsync(layer, options.Compression, cancellationToken)
                .ConfigureAwait(false);
            options.Progress?.Invoke(new TransferProgress(TransferAction.Compress, layer.ToString(), total, total, true));
            return made;
        }
        finally
        {
            s_compressing.Release();
        }
    }

    private static void Report(PushOptions options, TransferAction action, Descriptor blob) => options.Progress?.Invoke(
        new TransferProgress(action, blob.Digest.ToString(), blob.Size, blob.Size, true));

    private async Task<Stream> OpenAsync(Descriptor blob, DiffId? layer, CancellationToken cancellationToken)
    {
        if (!_store.Blobs.Contains(blob.Digest) && layer is { } wanted
            && _layers.OriginsOf(wanted).Find(known => known.Blob.Digest == blob.Digest) is { } origin)
        {
            await _layers.FetchAsync(origin, cancellationToken).ConfigureAwait(false);
        }

        return _store.Blobs.Open(blob.Digest);
    }

    private static async Task SkipAsync(Stream stream, long count, CancellationToken cancellationToken)
    {
        if (count > 0 && stream.CanSeek)
        {
            stream.Seek(count, SeekOrigin.Begin);
            return;
        }

        byte[] buffer = new byte[RegistryLimits.CopyBufferBytes];
        while (count > 0)
        {
            int wanted = (int)Math.Min(buffer.Length, count);
            await stream.ReadExactlyAsync(buffer.AsMemory(0, wanted), cancellationToken).ConfigureAwait(false);
            count -= wanted;
        }
    }
}

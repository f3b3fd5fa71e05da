// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Layers;
using Builder.Executor.Oci;
using Builder.Executor.Snapshots;
using Builder.Solver.Images;

namespace Builder.Executor.Images;

/// <summary>
/// Gives layers in the form in which they leave: what was compressed once is kept in the blobs and found again by the
/// next export or push. Thread-safe.
/// </summary>
public sealed class LayerExporter
{
    private const int DefaultZstdLevel = 3;
    private const int CopyBytes = 1024 * 1024;

    private readonly Store _store;
    private readonly LayerSource _source;

    /// <summary>An exporter over a store; <paramref name="fetcher"/> gives the layers that it lacks.</summary>
    public LayerExporter(Store store, ILayerFetcher? fetcher)
    {
        _store = store;
        _source = new LayerSource(store, fetcher);
    }

    /// <summary>The descriptor of a layer's blob in the wanted form, with OCI's media types; the blob can be read from the
    /// store's blobs, as a file or made on the way from the snapshot.</summary>
    /// <exception cref="Frontend.BuildException">The layer cannot be had, or the disk is full.</exception>
    public async Task<Descriptor> EnsureAsync(
        DiffId layer, CompressionOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        Descriptor stored = await _source.EnsureAsync(layer, cancellationToken).ConfigureAwait(false);
        if (KindOf(stored.MediaType) == options.Kind || (!options.Force && !MediaTypes.IsPlainLayer(stored.MediaType)))
        {
            return stored;
        }

        string mediaType = MediaTypeOf(options.Kind);
        using IDisposable held = await _store.Locks
            .AcquireAsync($"compress {layer} {options}", cancellationToken).ConfigureAwait(false);
        if (options.Level is null && FindForm(layer, mediaType) is { } known)
        {
            return known;
        }

        return await Task.Run(
            () => Convert(layer, stored, mediaType, options, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>How a layer of a media type is compressed.</summary>
    internal static Compression KindOf(string mediaType) => mediaType switch
    {
        MediaTypes.OciLayerZstd => Compression.Zstd,
        MediaTypes.OciLayer or MediaTypes.DockerLayer => Compression.None,
        _ => Compression.Gzip,
    };

    private static string MediaTypeOf(Compression kind) => kind switch
    {
        Compression.None => MediaTypes.OciLayer,
        Compression.Gzip => MediaTypes.OciLayerGzip,
        Compression.Zstd => MediaTypes.OciLayerZstd,
        _ => throw new ContentException(
            ContentFailure.UnsupportedMediaType, $"export layers as {kind}: layers are plain, gzip or zstd"),
    };

    private Descriptor? FindForm(DiffId layer, string mediaType) =>
        _store.Layers.Find(layer, verifiedOnly: true).FirstOrDefault(form =>
            string.Equals(form.MediaType, mediaType, StringComparison.Ordinal) && _store.Blobs.IsFile(form.Digest));

    private Descriptor Convert(
        DiffId layer, Descriptor stored, string mediaType, CompressionOptions options, CancellationToken cancellationToken)
    {
        using Stream tar = LayerCompression.OpenRead(_store.Blobs.Open(stored.Digest));
        using BlobWriteStream blob = _store.Blobs.BeginWrite();
        switch (options.Kind)
        {
            case Compression.Gzip:
                new ParallelGzip(options.Level ?? ParallelGzip.DefaultLevel).Compress(tar, blob, cancellationToken);
                break;
            case Compression.Zstd:
                using (var zstd = new ZstdSharp.CompressionStream(
                    blob, options.Level ?? DefaultZstdLevel, leaveOpen: true))
                {
                    tar.CopyTo(zstd, CopyBytes);
                }

                break;
            default:
                tar.CopyTo(blob, CopyBytes);
                break;
        }

        long length = blob.Length;
        var descriptor = new Descriptor { MediaType = mediaType, Digest = blob.Commit(), Size = length };
        _store.Layers.Add(layer, descriptor, verified: true);
        return descriptor;
    }
}

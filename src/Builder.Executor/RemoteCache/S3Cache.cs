// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Solver.Images;

namespace Builder.Executor.RemoteCache;

/// <summary>
/// A cache in a bucket: blobs as objects named by digest, and for each name of the cache one object with the document.
/// Nothing is ever removed there: a lifecycle rule of the bucket does that.
/// </summary>
internal sealed class S3Cache : CacheStorage, IDisposable
{
    private readonly S3Options _options;
    private readonly S3Bucket _bucket;
    private readonly Store _store;
    private readonly LayerFetcher _layers;
    private readonly LayerSender _sender;

    /// <summary>Creates the cache; nothing is asked yet.</summary>
    public S3Cache(S3Options options, Store store, LayerFetcher layers, LayerSender sender)
    {
        _options = options;
        _bucket = new S3Bucket(options);
        _store = store;
        _layers = layers;
        _sender = sender;
    }

    /// <inheritdoc/>
    public override async Task<CacheDocument?> ReadAsync(CancellationToken cancellationToken)
    {
        CacheDocument? merged = null;
        foreach (string name in _options.Names)
        {
            string key = _bucket.ManifestKeyOf(name);
            if (await _bucket.FindAsync(key, CacheArtifact.MaxRecordsBytes, cancellationToken).ConfigureAwait(false)
                is not { } bytes)
            {
                continue;
            }

            CacheDocument document = CacheDocument.Decode(bytes, $"import cache from s3://{_options.Bucket}/{key}");
            foreach (CachedLayer layer in document.Layers)
            {
                _layers.Add(layer.DiffId, new LayerOrigin(layer.Blob, null, [], null, _bucket));
            }

            merged = merged is null ? document : Merge(merged, document);
        }

        return merged;
    }

    /// <inheritdoc/>
    public override async Task<Descriptor> SendLayerAsync(
        DiffId layer, PushOptions options, CancellationToken cancellationToken)
    {
        IEnumerable<Descriptor> forms = _store.Layers.Find(layer, verifiedOnly: true)
            .Concat(_layers.OriginsOf(layer).Select(origin => origin.Blob))
            .Where(form => !MediaTypes.IsPlainLayer(form.MediaType) && !_store.Blobs.IsFile(form.Digest))
            .DistinctBy(form => form.Digest);
        foreach (Descriptor form in forms)
        {
            if (await _bucket.HasBlobAsync(form, cancellationToken).ConfigureAwait(false))
            {
                return form;
            }
        }

        Descriptor packed = await _sender.EnsureFileAsync(layer, options, cancellationToken).ConfigureAwait(false);
        await _bucket.SendBlobAsync(packed, () => Open(packed), cancellationToken).ConfigureAwait(false);
        return packed;
    }

    /// <inheritdoc/>
    public override Task SendBlobAsync(Descriptor blob, byte[] content, CancellationToken cancellationToken) =>
        _bucket.SendBlobAsync(blob, () => new MemoryStream(content, writable: false), cancellationToken);

    /// <inheritdoc/>
    public override Task<byte[]> ReadBlobAsync(Descriptor blob, CancellationToken cancellationToken) =>
        _bucket.ReadBlobAsync(blob, CacheArtifact.MaxSmallBlobBytes, cancellationToken);

    /// <inheritdoc/>
    public override async Task PublishAsync(CacheDocument document, CancellationToken cancellationToken)
    {
        byte[] content = document.Encode();
        foreach (string name in _options.Names)
        {
            await _bucket.PutAsync(_bucket.ManifestKeyOf(name), content, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _bucket.Dispose();

    // A file and not a verifying stream: the length must be known and parts are read by place.
    private FileStream Open(Descriptor blob)
    {
        try
        {
            return File.OpenRead(_store.Blobs.PathOf(blob.Digest));
        }
        catch (IOException e)
        {
            throw new ContentException(ContentFailure.NotFound, $"export cache: blob {blob.Digest} is not in the store", e);
        }
    }

    private static CacheDocument Merge(CacheDocument one, CacheDocument other) => new()
    {
        Records = other.Records.SetItems(one.Records),
        Layers = [.. one.Layers.Concat(other.Layers).Distinct()],
        Mounts = [.. one.Mounts.Concat(other.Mounts).DistinctBy(mount => mount.Name)],
    };
}

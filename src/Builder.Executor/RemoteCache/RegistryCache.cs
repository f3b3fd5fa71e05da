// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.RemoteCache;

/// <summary>A cache in a registry: an artifact of its own, or for reading one inside of an image.</summary>
internal sealed class RegistryCache : CacheStorage
{
    private readonly RegistryClient _registries;
    private readonly ImageReference _reference;
    private readonly string? _tag;
    private readonly LayerFetcher _layers;
    private readonly LayerSender _sender;
    private readonly Lazy<RegistryRepository> _target;
    private ImmutableArray<RegistryRepository> _places;

    /// <summary>Creates the cache of a name.</summary>
    /// <param name="registries">The registries.</param>
    /// <param name="reference">The artifact or image.</param>
    /// <param name="tag">The tag to publish under; null for one of the content's own.</param>
    /// <param name="layers">Learns where layers are.</param>
    /// <param name="sender">Sends layers.</param>
    public RegistryCache(
        RegistryClient registries, ImageReference reference, string? tag, LayerFetcher layers, LayerSender sender)
    {
        _registries = registries;
        _reference = reference;
        _tag = tag;
        _layers = layers;
        _sender = sender;
        _target = new Lazy<RegistryRepository>(() => _registries.PushPlace(_reference));
    }

    /// <inheritdoc/>
    public override async Task<CacheDocument?> ReadAsync(CancellationToken cancellationToken)
    {
        string subject = $"import cache {_reference}";
        ImmutableArray<RegistryRepository> places = Places();
        FetchedManifest fetched;
        try
        {
            (fetched, int place) = await RegistryClient.AskAsync(
                places,
                repository => repository.GetManifestAsync(
                    _reference.Digest?.ToString() ?? _reference.Tag ?? ImageReference.DefaultTag, cancellationToken))
                .ConfigureAwait(false);
            _places = [places[place], .. places.Where((_, i) => i != place)];
        }
        catch (RegistryException e) when (e.IsNotFound)
        {
            return null;
        }

        ImageDocument document = ImageDocument.Read(fetched.Bytes, fetched.MediaType, subject);
        if (document.Index is { } index)
        {
            return await ReadIndexAsync(index, subject, cancellationToken).ConfigureAwait(false);
        }

        return await ReadManifestAsync(document.Manifest!, subject, cancellationToken).ConfigureAwait(false)
            ?? throw NoCache(subject);
    }

    /// <inheritdoc/>
    public override Task<Descriptor> SendLayerAsync(
        DiffId layer, PushOptions options, CancellationToken cancellationToken) =>
        _sender.SendCompressedAsync(layer, _target.Value, options, cancellationToken);

    /// <inheritdoc/>
    public override Task SendBlobAsync(Descriptor blob, byte[] content, CancellationToken cancellationToken) =>
        BlobUpload.RunAsync(
            _target.Value,
            blob.Digest,
            blob.Size,
            (offset, _) => Task.FromResult<Stream>(
                new MemoryStream(content, (int)offset, content.Length - (int)offset, writable: false)),
            [],
            null,
            cancellationToken);

    /// <inheritdoc/>
    public override Task<byte[]> ReadBlobAsync(Descriptor blob, CancellationToken cancellationToken) =>
        ReadAsync(blob, CacheArtifact.MaxSmallBlobBytes, cancellationToken);

    /// <inheritdoc/>
    public override async Task PublishAsync(CacheDocument document, CancellationToken cancellationToken)
    {
        byte[] content = document.Encode();
        Descriptor records = CacheArtifact.DescriptorOf(CacheArtifact.RecordsType, content);
        await SendBlobAsync(records, content, cancellationToken).ConfigureAwait(false);
        await SendBlobAsync(
            CacheArtifact.EmptyConfigDescriptor, CacheArtifact.EmptyConfig, cancellationToken).ConfigureAwait(false);
        byte[] manifest = CacheArtifact.Write(records, document);
        string name = _tag ?? $"cache-{CacheArtifact.DescriptorOf(MediaTypes.OciManifest, manifest).Digest.Hex[..16]}";
        await _target.Value.PutManifestAsync(name, MediaTypes.OciManifest, manifest, cancellationToken)
            .ConfigureAwait(false);
    }

    private ImmutableArray<RegistryRepository> Places()
    {
        if (_places.IsDefault)
        {
            _places = _registries.PullPlaces(_reference);
        }

        return _places;
    }

    private async Task<CacheDocument> ReadIndexAsync(
        ImageIndex index, string subject, CancellationToken cancellationToken)
    {
        CacheDocument? merged = null;
        foreach (Descriptor child in PlatformChoice.Images(index))
        {
            (FetchedManifest fetched, _) = await RegistryClient.AskAsync(
                Places(), repository => repository.GetManifestAsync(child.Digest.ToString(), cancellationToken))
                .ConfigureAwait(false);
            if (ImageDocument.Read(fetched.Bytes, child.MediaType, subject).Manifest is { } manifest
                && await ReadManifestAsync(manifest, subject, cancellationToken).ConfigureAwait(false) is { } part)
            {
                merged = merged is null ? part : merged with { Records = merged.Records.SetItems(part.Records) };
            }
        }

        return merged ?? throw NoCache(subject);
    }

    private async Task<CacheDocument?> ReadManifestAsync(
        Manifest manifest, string subject, CancellationToken cancellationToken)
    {
        if (CacheArtifact.FindRecords(manifest, subject) is { } records)
        {
            byte[] content = await ReadAsync(records, CacheArtifact.MaxRecordsBytes, cancellationToken)
                .ConfigureAwait(false);
            CacheDocument document = CacheDocument.Decode(content, subject);
            foreach (CachedLayer layer in document.Layers)
            {
                _layers.Add(layer.DiffId, new LayerOrigin(layer.Blob, _reference, Places(), null));
            }

            return document;
        }

        if (manifest.Annotations?.GetValueOrDefault(CacheArtifact.InlineAnnotation) is not { } inline)
        {
            return null;
        }

        byte[] config = await ReadAsync(manifest.Config, RegistryLimits.MaxConfigBytes, cancellationToken)
            .ConfigureAwait(false);
        foreach ((Descriptor blob, DiffId layer) in manifest.Layers.Zip(ImageConfigJson.Parse(config).RootFs.Layers))
        {
            _layers.Add(layer, new LayerOrigin(blob, _reference, Places(), null));
        }

        byte[] bytes = new byte[inline.Length];
        return Convert.TryFromBase64String(inline, bytes, out int length)
            ? CacheDocument.Decode(bytes.AsMemory(0, length), subject)
            : throw NoCache(subject);
    }

    private async Task<byte[]> ReadAsync(Descriptor blob, int limit, CancellationToken cancellationToken)
    {
        (byte[] content, _) = await RegistryClient.AskAsync(
            Places(), repository => repository.GetSmallBlobAsync(blob.Digest, limit, cancellationToken)).ConfigureAwait(false);
        return content;
    }

    private static ContentException NoCache(string subject) =>
        new(ContentFailure.UnsupportedMediaType, $"{subject}: neither a cache of bld nor an image with an inline cache");
}

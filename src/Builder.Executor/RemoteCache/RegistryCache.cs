// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.RemoteCache;

/// <summary>Caches in registries: artifacts of their own, and those inside of images.</summary>
internal sealed class RegistryCache
{
    private readonly RegistryClient _registries;
    private readonly LayerFetcher _layers;
    private readonly LayerSender _sender;

    public RegistryCache(RegistryClient registries, LayerFetcher layers, LayerSender sender)
    {
        _registries = registries;
        _layers = layers;
        _sender = sender;
    }

    /// <summary>
    /// Reads the records behind a name and remembers where their layers are; null when there is no such name yet. No layer
    /// is fetched.
    /// </summary>
    /// <exception cref="RegistryException">The registry cannot be asked.</exception>
    /// <exception cref="ContentException">What is there is no cache.</exception>
    public async Task<CacheDocument?> ImportAsync(ImageReference reference, CancellationToken cancellationToken)
    {
        string subject = $"import cache {reference}";
        ImmutableArray<RegistryRepository> places = _registries.PullPlaces(reference);
        FetchedManifest fetched;
        try
        {
            (fetched, int place) = await RegistryClient.AskAsync(
                places,
                repository => repository.GetManifestAsync(
                    reference.Digest?.ToString() ?? reference.Tag ?? ImageReference.DefaultTag, cancellationToken))
                .ConfigureAwait(false);
            places = [places[place], .. places.Where((_, i) => i != place)];
        }
        catch (RegistryException e) when (e.IsNotFound)
        {
            return null;
        }

        ImageDocument document = ImageDocument.Read(fetched.Bytes, fetched.MediaType, subject);
        if (document.Index is { } index)
        {
            return await ImportIndexAsync(index, reference, places, subject, cancellationToken).ConfigureAwait(false);
        }

        return await ImportManifestAsync(document.Manifest!, reference, places, subject, cancellationToken)
            .ConfigureAwait(false) ?? throw NoCache(subject);
    }

    /// <summary>Sends the layers that the registry lacks, and the artifact.</summary>
    /// <returns>The layers in the form in which they are there now.</returns>
    public async Task<ImmutableArray<CachedLayer>> ExportAsync(
        ImageReference reference, string? tag, CacheDocument records, IReadOnlyCollection<DiffId> layers, PushOptions options,
        CancellationToken cancellationToken)
    {
        RegistryRepository repository = _registries.PushPlace(reference);
        CachedLayer[] sent = await Task.WhenAll(layers.Select(async layer => new CachedLayer(
            layer,
            await _sender.SendCompressedAsync(layer, repository, options, cancellationToken).ConfigureAwait(false))))
            .ConfigureAwait(false);
        ImmutableArray<CachedLayer> sorted = [.. sent.OrderBy(layer => layer.DiffId.Value)];
        byte[] content = (records with { Layers = sorted }).Encode();
        Descriptor blob = CacheArtifact.DescriptorOf(CacheArtifact.RecordsType, content);
        await UploadAsync(repository, blob, content, cancellationToken).ConfigureAwait(false);
        await UploadAsync(
            repository, CacheArtifact.EmptyConfigDescriptor, CacheArtifact.EmptyConfig, cancellationToken).ConfigureAwait(false);
        byte[] manifest = CacheArtifact.Write(blob, sorted);
        string name = tag ?? $"cache-{CacheArtifact.DescriptorOf(MediaTypes.OciManifest, manifest).Digest.Hex[..16]}";
        await repository.PutManifestAsync(name, MediaTypes.OciManifest, manifest, cancellationToken).ConfigureAwait(false);
        return sorted;
    }

    private static Task<UploadOutcome> UploadAsync(
        RegistryRepository repository, Descriptor blob, byte[] content, CancellationToken cancellationToken) =>
        BlobUpload.RunAsync(
            repository,
            blob.Digest,
            blob.Size,
            (offset, _) => Task.FromResult<Stream>(
                new MemoryStream(content, (int)offset, content.Length - (int)offset, writable: false)),
            [],
            null,
            cancellationToken);

    private async Task<CacheDocument> ImportIndexAsync(
        ImageIndex index, ImageReference reference, ImmutableArray<RegistryRepository> places, string subject,
        CancellationToken cancellationToken)
    {
        CacheDocument? merged = null;
        foreach (Descriptor child in PlatformChoice.Images(index))
        {
            (FetchedManifest fetched, _) = await RegistryClient.AskAsync(
                places, repository => repository.GetManifestAsync(child.Digest.ToString(), cancellationToken))
                .ConfigureAwait(false);
            if (ImageDocument.Read(fetched.Bytes, child.MediaType, subject).Manifest is { } manifest
                && await ImportManifestAsync(manifest, reference, places, subject, cancellationToken)
                    .ConfigureAwait(false) is { } part)
            {
                merged = merged is null ? part : merged with { Records = merged.Records.SetItems(part.Records) };
            }
        }

        return merged ?? throw NoCache(subject);
    }

    private async Task<CacheDocument?> ImportManifestAsync(
        Manifest manifest, ImageReference reference, ImmutableArray<RegistryRepository> places, string subject,
        CancellationToken cancellationToken)
    {
        if (CacheArtifact.FindRecords(manifest, subject) is { } records)
        {
            byte[] content = await ReadAsync(places, records, CacheArtifact.MaxRecordsBytes, cancellationToken)
                .ConfigureAwait(false);
            CacheDocument document = CacheDocument.Decode(content, subject);
            foreach (CachedLayer layer in document.Layers)
            {
                _layers.Add(layer.DiffId, new LayerOrigin(layer.Blob, reference, places, null));
            }

            return document;
        }

        if (manifest.Annotations?.GetValueOrDefault(CacheArtifact.InlineAnnotation) is not { } inline)
        {
            return null;
        }

        byte[] config = await ReadAsync(places, manifest.Config, RegistryLimits.MaxConfigBytes, cancellationToken)
            .ConfigureAwait(false);
        foreach ((Descriptor blob, DiffId layer) in manifest.Layers.Zip(ImageConfigJson.Parse(config).RootFs.Layers))
        {
            _layers.Add(layer, new LayerOrigin(blob, reference, places, null));
        }

        byte[] bytes = new byte[inline.Length];
        return Convert.TryFromBase64String(inline, bytes, out int length)
            ? CacheDocument.Decode(bytes.AsMemory(0, length), subject)
            : throw NoCache(subject);
    }

    private static async Task<byte[]> ReadAsync(
        ImmutableArray<RegistryRepository> places, Descriptor blob, int limit, CancellationToken cancellationToken)
    {
        (byte[] content, _) = await RegistryClient.AskAsync(
            places, repository => repository.GetSmallBlobAsync(blob.Digest, limit, cancellationToken)).ConfigureAwait(false);
        return content;
    }

    private static ContentException NoCache(string subject) =>
        new(ContentFailure.UnsupportedMediaType, $"{subject}: neither a cache of bld nor an image with an inline cache");
}

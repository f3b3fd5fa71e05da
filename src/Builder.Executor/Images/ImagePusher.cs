// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Images;

/// <summary>
/// Sends images to registries. A blob is sent only when the registry neither has it nor can take it from another of its
/// repositories; a layer that was never fetched is not fetched for that. Layers that were built here are compressed
/// while others are being sent.
/// </summary>
public sealed class ImagePusher
{
    private readonly Store _store;
    private readonly RegistryClient _registries;
    private readonly LayerSender _sender;

    /// <summary>Creates the pusher.</summary>
    public ImagePusher(Store store, RegistryClient registries, ImageSource source)
    {
        _store = store;
        _registries = registries;
        _sender = new LayerSender(store, source.Layers);
    }

    /// <summary>Pushes an image or, when it is an index, all its images; idempotent.</summary>
    /// <param name="source">The manifest or index in the store.</param>
    /// <param name="target">The name in the registry; without a tag it is <c>latest</c>.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Cancels; the name means what it meant before.</param>
    /// <exception cref="RegistryException">Unreachable, refused.</exception>
    /// <exception cref="ContentException">Something of the image is missing in the store.</exception>
    public async Task<PushedImage> PushAsync(
        Descriptor source, ImageReference target, PushOptions options, CancellationToken cancellationToken)
    {
        RegistryRepository repository = _registries.PushPlace(target);
        string? tag = options.ByDigest ? null : target.Tag ?? ImageReference.DefaultTag;
        Descriptor pushed = await PushDocumentAsync(source, repository, tag, options, cancellationToken)
            .ConfigureAwait(false);
        Remember(source, $"{target.Registry}/{target.Repository}@{pushed.Digest}");
        return new PushedImage(target, pushed);
    }

    /// <summary>How a layer of an image that will be pushed gets there, while the image is still being built.</summary>
    public LayerCarrier Carrier(ImageReference target, PushOptions options)
    {
        RegistryRepository repository = _registries.PushPlace(target);
        return (layer, isInImage, token) => isInImage
            ? _sender.SendCompressedAsync(layer, repository, options, token)
            : Task.CompletedTask;
    }

    /// <summary>The store knows from now on that this registry has the image.</summary>
    private void Remember(Descriptor source, string repoDigest)
    {
        if (_store.Images.Find(source.Digest.ToString()) is { } image)
        {
            _store.Images.AddRepoDigest(image, repoDigest);
        }
    }

    private async Task<Descriptor> PushDocumentAsync(
        Descriptor source, RegistryRepository repository, string? tag, PushOptions options,
        CancellationToken cancellationToken)
    {
        byte[] bytes = _store.Blobs.TryReadAll(source.Digest, RegistryLimits.MaxManifestBytes)
            ?? throw new ContentException(
                ContentFailure.NotFound, $"push to {repository.Endpoint}: manifest {source.Digest} is not in the store");
        ImageDocument document = ImageDocument.Read(bytes, source.MediaType, $"push to {repository.Endpoint}");
        (string type, byte[] content) = document.Index is { } index
            ? await PushChildrenAsync(document.MediaType, index, bytes, repository, options, cancellationToken)
                .ConfigureAwait(false)
            : await PushBlobsAsync(document, bytes, repository, options, cancellationToken).ConfigureAwait(false);
        Descriptor pushed = source with { MediaType = type, Digest = _store.Blobs.Put(content), Size = content.Length };
        await repository.PutManifestAsync(tag ?? pushed.Digest.ToString(), type, content, cancellationToken)
            .ConfigureAwait(false);
        options.Progress?.Invoke(new TransferProgress(
            TransferAction.Upload, $"manifest {pushed.Digest}", content.Length, content.Length, true));
        return pushed;
    }

    private async Task<(string Type, byte[] Content)> PushChildrenAsync(
        string mediaType, ImageIndex index, byte[] bytes, RegistryRepository repository, PushOptions options,
        CancellationToken cancellationToken)
    {
        List<Descriptor> children = [];
        foreach (Descriptor child in index.Manifests)
        {
            children.Add(await PushDocumentAsync(child, repository, null, options, cancellationToken).ConfigureAwait(false));
        }

        if (children.Select(child => child.Digest).SequenceEqual(index.Manifests.Select(child => child.Digest)))
        {
            return (mediaType, bytes);
        }

        ImageIndex changed = index with { MediaType = MediaTypes.OciIndex, Manifests = [.. children] };
        return (MediaTypes.OciIndex, OciJson.Serialize(changed));
    }

    private async Task<(string Type, byte[] Content)> PushBlobsAsync(
        ImageDocument document, byte[] bytes, RegistryRepository repository, PushOptions options,
        CancellationToken cancellationToken)
    {
        Manifest manifest = document.Manifest!;
        ImmutableArray<DiffId> diffIds = DiffIdsOf(manifest);
        Task<Descriptor>[] layers =
        [
            .. manifest.Layers.Select((layer, i) => _sender.SendLayerAsync(
                layer, i < diffIds.Length ? diffIds[i] : null, repository, options, cancellationToken)),
        ];
        Task config = _sender.SendBlobAsync(manifest.Config, null, repository, options, cancellationToken);
        Descriptor[] pushed = await Task.WhenAll(layers).ConfigureAwait(false);
        await config.ConfigureAwait(false);
        if (options.Annotations.IsEmpty
            && pushed.Select(layer => layer.Digest).SequenceEqual(manifest.Layers.Select(layer => layer.Digest)))
        {
            return (document.MediaType, bytes);
        }

        // Changed, so it is ours: OCI throughout, also where a base image of docker's types lies below.
        Manifest changed = manifest with
        {
            MediaType = MediaTypes.OciManifest,
            Config = manifest.Config with { MediaType = MediaTypes.OciConfig },
            Layers = [.. pushed.Select(layer => layer with { MediaType = ToOci(layer.MediaType) })],
            Annotations = options.Annotations.IsEmpty
                ? manifest.Annotations
                : (manifest.Annotations ?? options.Annotations).SetItems(options.Annotations),
        };
        return (MediaTypes.OciManifest, OciJson.Serialize(changed));
    }

    /// <summary>The layers' identities; none for what is no image.</summary>
    private ImmutableArray<DiffId> DiffIdsOf(Manifest manifest) =>
        manifest.Config.MediaType is MediaTypes.OciConfig or MediaTypes.DockerConfig
        && _store.Blobs.TryReadAll(manifest.Config.Digest, RegistryLimits.MaxConfigBytes) is { } config
            ? ImageConfigJson.Parse(config).RootFs.Layers
            : [];

    private static string ToOci(string mediaType) => mediaType switch
    {
        MediaTypes.DockerLayer => MediaTypes.OciLayer,
        MediaTypes.DockerLayerGzip => MediaTypes.OciLayerGzip,
        _ => mediaType,
    };
}

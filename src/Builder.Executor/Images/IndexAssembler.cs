// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;

namespace Builder.Executor.Images;

/// <summary>
/// Makes one index of images that were pushed separately, for instance by one CI job a platform: from registry to
/// registry, without bringing a layer to this machine unless the registries differ.
/// </summary>
public sealed class IndexAssembler
{
    private readonly Store _store;
    private readonly RegistryClient _registries;
    private readonly ImageSource _source;

    /// <summary>Creates the assembler.</summary>
    public IndexAssembler(Store store, RegistryClient registries, ImageSource source)
    {
        _store = store;
        _registries = registries;
        _source = source;
    }

    /// <summary>
    /// Puts the images of the sources (an index gives all of its own) under one index and pushes that. Of several images
    /// for one platform the last one named stays.
    /// </summary>
    /// <exception cref="RegistryException">A source is missing or no image; the target refuses.</exception>
    public async Task<PushedImage> PushAsync(
        ImageReference target, IReadOnlyList<ImageReference> sources, PushOptions options, CancellationToken cancellationToken)
    {
        RegistryRepository repository = _registries.PushPlace(target);
        List<Descriptor> entries = [];
        foreach (ImageReference source in sources)
        {
            foreach (Descriptor entry in await ReadAsync(source, cancellationToken).ConfigureAwait(false))
            {
                entries.RemoveAll(known => known.Platform is not null && known.Platform == entry.Platform);
                await CopyAsync(source, entry, repository, options, cancellationToken).ConfigureAwait(false);
                entries.Add(entry);
            }
        }

        ImageIndex index = new()
        {
            MediaType = MediaTypes.OciIndex,
            Manifests = [.. entries],
            Annotations = options.Annotations.IsEmpty ? null : options.Annotations,
        };
        byte[] content = OciJson.Serialize(index);
        Descriptor pushed = new()
        {
            MediaType = MediaTypes.OciIndex,
            Digest = _store.Blobs.Put(content),
            Size = content.Length,
        };
        string name = options.ByDigest ? pushed.Digest.ToString() : target.Tag ?? ImageReference.DefaultTag;
        await repository.PutManifestAsync(name, MediaTypes.OciIndex, content, cancellationToken).ConfigureAwait(false);
        return new PushedImage(target, pushed);
    }

    /// <summary>The manifest or index behind a name, exactly as the registry has it.</summary>
    /// <exception cref="RegistryException">There is none.</exception>
    public async Task<(Descriptor Descriptor, ReadOnlyMemory<byte> Content)> InspectAsync(
        ImageReference reference, CancellationToken cancellationToken)
    {
        FetchedManifest fetched = await FetchAsync(
            reference, reference.Digest?.ToString() ?? reference.Tag ?? ImageReference.DefaultTag, cancellationToken)
            .ConfigureAwait(false);
        string type = ImageDocument.Read(fetched.Bytes, fetched.MediaType, $"inspect {reference}").MediaType;
        return (new Descriptor { MediaType = type, Digest = fetched.Digest, Size = fetched.Bytes.Length }, fetched.Bytes);
    }

    /// <summary>The images behind a name, each with its platform.</summary>
    private async Task<ImmutableArray<Descriptor>> ReadAsync(ImageReference source, CancellationToken cancellationToken)
    {
        (Descriptor descriptor, ReadOnlyMemory<byte> content) = await InspectAsync(source, cancellationToken)
            .ConfigureAwait(false);
        ImageDocument document = ImageDocument.Read(content, descriptor.MediaType, $"read {source}");
        if (document.Index is { } index)
        {
            return [.. index.Manifests];
        }

        byte[] config = await ReadBlobAsync(source, document.Manifest!.Config, cancellationToken).ConfigureAwait(false);
        return [descriptor with { Platform = OciPlatform.From(ImageConfigJson.Parse(config).Platform) }];
    }

    /// <summary>Makes the target have an image of a source: its blobs, then its manifest under its digest.</summary>
    private async Task CopyAsync(
        ImageReference source, Descriptor entry, RegistryRepository target, PushOptions options,
        CancellationToken cancellationToken)
    {
        if (await target.HeadManifestAsync(entry.Digest.ToString(), cancellationToken).ConfigureAwait(false) is not null)
        {
            return;
        }

        FetchedManifest fetched = await FetchAsync(source, entry.Digest.ToString(), cancellationToken).ConfigureAwait(false);
        Manifest manifest = ImageDocument.Read(fetched.Bytes, entry.MediaType, $"copy {source}").Manifest
            ?? throw new RegistryException(RegistryFailure.Unsupported, $"copy {source}: the index lists another index");
        IEnumerable<Descriptor> blobs = manifest.Layers.Append(manifest.Config).DistinctBy(blob => blob.Digest);
        await Task.WhenAll(blobs.Select(blob => CopyBlobAsync(source, blob, target, options, cancellationToken)))
            .ConfigureAwait(false);
        await target.PutManifestAsync(entry.Digest.ToString(), entry.MediaType, fetched.Bytes, cancellationToken)
            .ConfigureAwait(false);
    }

    private Task CopyBlobAsync(
        ImageReference source, Descriptor blob, RegistryRepository target, PushOptions options,
        CancellationToken cancellationToken) => LayerSender.SendBlobAsync(
        blob,
        target,
        target.Endpoint.Registry == source.Registry ? [source.Repository] : [],
        async token =>
        {
            await _source.Intake.FetchAsync(blob, _registries.PullPlaces(source), token).ConfigureAwait(false);
            return _store.Blobs.Open(blob.Digest);
        },
        options,
        cancellationToken);

    private async Task<FetchedManifest> FetchAsync(
        ImageReference source, string version, CancellationToken cancellationToken)
    {
        (FetchedManifest fetched, _) = await RegistryClient.AskAsync(
            _registries.PullPlaces(source), repository => repository.GetManifestAsync(version, cancellationToken))
            .ConfigureAwait(false);
        return fetched;
    }

    private async Task<byte[]> ReadBlobAsync(ImageReference source, Descriptor blob, CancellationToken cancellationToken)
    {
        (byte[] content, _) = await RegistryClient.AskAsync(
            _registries.PullPlaces(source),
            repository => repository.GetSmallBlobAsync(blob.Digest, RegistryLimits.MaxConfigBytes, cancellationToken))
            .ConfigureAwait(false);
        return content;
    }
}

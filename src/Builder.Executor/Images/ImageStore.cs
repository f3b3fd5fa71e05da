// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Executor.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver;
using Builder.Solver.Images;

namespace Builder.Executor.Images;

/// <summary>
/// Images of the local store: committed, found, named and removed as docker does. The image id is the config's digest.
/// What was built here lists its layers uncompressed, their blobs being the snapshots; what was pulled keeps its own
/// descriptors. Thread-safe.
/// </summary>
public sealed partial class ImageStore
{
    private readonly Store _store;
    private readonly ImageRecords _records;

    internal ImageStore(Store store)
    {
        _store = store;
        _records = new ImageRecords(store);
    }

    /// <summary>
    /// Writes config, manifest and (for several platforms) index of built images and gives them their names. Layers of
    /// base images that are not in the store yet are fetched. Durable on return; before that nothing has a name.
    /// </summary>
    /// <exception cref="Frontend.BuildException">A layer cannot be had, or the disk is full.</exception>
    public Task<CommittedImage> CommitAsync(
        IReadOnlyList<PlatformImage> images, IReadOnlyList<ImageReference> names, ILayerFetcher? fetcher,
        CancellationToken cancellationToken) => CommitAsync(
            images, names, fetcher, fetchesLayers: true, ImageAnnotations.None, cancellationToken);

    /// <summary>
    /// As the other one; with <paramref name="fetchesLayers"/> false, layers that only a registry has stay there. For
    /// images that are pushed next: after that the store knows them by the registry's name and can have them any time.
    /// </summary>
    /// <exception cref="Frontend.BuildException">A layer cannot be had, or the disk is full.</exception>
    public async Task<CommittedImage> CommitAsync(
        IReadOnlyList<PlatformImage> images, IReadOnlyList<ImageReference> names, ILayerFetcher? fetcher,
        bool fetchesLayers, ImageAnnotations annotations, CancellationToken cancellationToken)
    {
        using IDisposable use = _store.Use();
        var manifests = new List<(Descriptor Manifest, Digest Id, ImageConfig Config)>();
        foreach (PlatformImage image in images)
        {
            manifests.Add(await WriteAsync(image, fetcher, fetchesLayers, annotations, cancellationToken)
                .ConfigureAwait(false));
        }

        Descriptor target = manifests.Count == 1
            ? manifests[0].Manifest
            : WriteIndex([.. manifests.Select(entry => entry.Manifest)], annotations);
        _store.Flush();
        foreach ((Descriptor manifest, Digest id, _) in manifests)
        {
            _records.Add(id, manifest, []);
        }

        foreach (ImageReference name in names)
        {
            _store.References.Set(WithTag(name), target.Digest);
        }

        Lazy<NameTable> table = ReadNames();
        return new CommittedImage(target, [.. manifests.Select(entry => Describe(
            entry.Id, _records.Find(entry.Id)!, entry.Config, table))]);
    }

    /// <summary>Registers an image of which manifest and config are in the blobs already (pull, load). Durable.</summary>
    /// <param name="manifest">Its manifest.</param>
    /// <param name="names">Names that shall mean it.</param>
    /// <param name="repoDigests">REPOSITORY@DIGEST under which a registry knows it: the index' digest for an index.</param>
    public StoredImage Add(
        Descriptor manifest, IReadOnlyList<ImageReference> names, IReadOnlyList<string> repoDigests)
    {
        using IDisposable use = _store.Use();
        Manifest content = ReadManifest(manifest.Digest);
        ImageConfig config = ReadConfig(content);
        RecordLayers(content, config);
        _store.Flush();
        _records.Add(content.Config.Digest, manifest, repoDigests);
        foreach (ImageReference name in names)
        {
            _store.References.Set(WithTag(name), manifest.Digest);
        }

        return Describe(content.Config.Digest, _records.Find(content.Config.Digest)!, config, ReadNames());
    }

    /// <summary>Adds a name that a registry knows the image by (after a push).</summary>
    public void AddRepoDigest(StoredImage image, string repoDigest)
    {
        ArgumentNullException.ThrowIfNull(image);
        _records.Add(image.Id, image.Manifest, [repoDigest]);
    }

    /// <summary>Gives an image, or a whole index when the name means one, one more name.</summary>
    /// <exception cref="ContentException">There is no such image.</exception>
    public void Tag(string nameOrId, ImageReference name)
    {
        Digest? target = ImageReference.TryParse(nameOrId, out ImageReference? source) && source.Tag is not null
            ? _store.References.Find(source)
            : null;
        target ??= Find(nameOrId)?.Manifest.Digest;
        _store.References.Set(WithTag(name), target ?? throw NoSuchImage(nameOrId));
    }

    /// <summary>The config as it is stored.</summary>
    public byte[] ReadConfig(StoredImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return _store.Blobs.TryReadAll(image.Id, OciJson.MaxConfigBytes) ?? throw Missing(image.Id);
    }

    /// <summary>The manifest.</summary>
    public Manifest ReadManifest(StoredImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return ReadManifest(image.Manifest.Digest);
    }

    /// <summary>The sum of <see cref="SizeOfLayer"/> over its layers.</summary>
    public long SizeOf(StoredImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Enumerable.Range(0, image.Config.RootFs.Layers.Length).Sum(index => SizeOfLayer(image, index));
    }

    /// <summary>
    /// Size of one layer, counted from the lowest: of its files where it is unpacked, else what its blob says of the
    /// uncompressed tar, else of the blob.
    /// </summary>
    public long SizeOfLayer(StoredImage image, int index)
    {
        ArgumentNullException.ThrowIfNull(image);
        ReadOnlySpan<DiffId> upTo = image.Config.RootFs.Layers.AsSpan()[..(index + 1)];
        if (_store.Snapshots.FindSize(upTo) is { } size)
        {
            return size.ContentBytes;
        }

        Manifest manifest = ReadManifest(image);
        return index < manifest.Layers.Count ? GzipTrailer.FindContentLength(_store.Blobs, manifest.Layers[index]) : 0;
    }

    /// <summary>All ids, for the garbage collector.</summary>
    internal IEnumerable<(Digest Id, ImageRecord Record)> Records() =>
        _records.List().Select(id => (id, _records.Find(id))).Where(entry => entry.Item2 is not null)
            .Select(entry => (entry.id, entry.Item2!));

    /// <summary>The record of an image; null when there is none or it is damaged.</summary>
    internal ImageRecord? FindRecord(Digest id) => _records.Find(id);

    /// <summary>Takes an image that cannot be used off the list, with the names that mean it alone.</summary>
    internal void Forget(Digest id)
    {
        Digest? manifest = _records.Find(id)?.Manifest.Digest;
        _records.Remove(id);
        foreach ((ImageReference name, Digest target) in _store.References.List())
        {
            if (target == manifest)
            {
                _store.References.Remove(name);
            }
        }
    }

    internal Manifest ReadManifest(Digest digest) =>
        OciJson.ParseManifest(_store.Blobs.TryReadAll(digest, OciJson.MaxManifestBytes) ?? throw Missing(digest));

    private static ContentException Missing(Digest digest) =>
        new(ContentFailure.NotFound, $"read blob {digest}: it is not in the store")
        {
            Hint = "pull or build the image again",
        };

    private static ContentException NoSuchImage(string nameOrId) =>
        new(ContentFailure.NotFound, $"no such image: {nameOrId}");

    private static ImageReference WithTag(ImageReference name) =>
        name with { Tag = name.Tag ?? "latest", Digest = null };

    private ImageConfig ReadConfig(Manifest manifest) => ImageConfigJson.Parse(
        _store.Blobs.TryReadAll(manifest.Config.Digest, OciJson.MaxConfigBytes) ?? throw Missing(manifest.Config.Digest));

    // What an image says of its layers; not verified until they are unpacked.
    private void RecordLayers(Manifest manifest, ImageConfig config)
    {
        if (manifest.Layers.Count != config.RootFs.Layers.Length)
        {
            throw new ContentException(
                ContentFailure.Malformed,
                $"register image {manifest.Config.Digest}: the manifest has {manifest.Layers.Count} layers, the config {config.RootFs.Layers.Length}");
        }

        for (int i = 0; i < manifest.Layers.Count; i++)
        {
            if (manifest.Layers[i].Digest != config.RootFs.Layers[i].Value)
            {
                _store.Layers.Add(config.RootFs.Layers[i], manifest.Layers[i], verified: false);
            }
        }
    }

    private async Task<(Descriptor Manifest, Digest Id, ImageConfig Config)> WriteAsync(
        PlatformImage image, ILayerFetcher? fetcher, bool fetchesLayers, ImageAnnotations annotations,
        CancellationToken cancellationToken)
    {
        var source = new LayerSource(_store, fetcher);
        var layers = ImmutableList.CreateBuilder<Descriptor>();
        foreach (DiffId layer in image.Config.RootFs.Layers)
        {
            layers.Add(await (fetchesLayers
                ? source.EnsureAsync(layer, cancellationToken)
                : source.DescribeAsync(layer, cancellationToken)).ConfigureAwait(false));
        }

        byte[] config = ImageConfigJson.Serialize(image.Config);
        Digest id = _store.Blobs.Put(config);
        byte[] manifest = OciJson.Serialize(new Manifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = new Descriptor { MediaType = MediaTypes.OciConfig, Digest = id, Size = config.Length },
            Layers = layers.ToImmutable(),
            Annotations = annotations.For(AnnotationLevel.Manifest, image.Platform),
        });
        var descriptor = new Descriptor
        {
            MediaType = MediaTypes.OciManifest,
            Digest = _store.Blobs.Put(manifest),
            Size = manifest.Length,
            Platform = OciPlatform.From(image.Platform),
        };
        return (descriptor, id, image.Config);
    }

    private Descriptor WriteIndex(ImmutableList<Descriptor> manifests, ImageAnnotations annotations)
    {
        byte[] index = OciJson.Serialize(new ImageIndex
        {
            MediaType = MediaTypes.OciIndex,
            Manifests =
            [
                .. manifests.Select(manifest => manifest with
                {
                    Annotations = annotations.For(AnnotationLevel.ManifestDescriptor, manifest.Platform?.ToPlatform()),
                }),
            ],
            Annotations = annotations.For(AnnotationLevel.Index),
        });
        return new Descriptor
        {
            MediaType = MediaTypes.OciIndex,
            Digest = _store.Blobs.Put(index),
            Size = index.Length,
        };
    }
}

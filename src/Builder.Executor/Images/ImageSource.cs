// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.Solver.Images;
using Builder.Solver.Ports;

namespace Builder.Executor.Images;

/// <summary>
/// Finds images: in the local store, in an OCI layout, in a registry. Only manifest and config are read; the layers are
/// left to <see cref="Layers"/>. What came from a registry is in the store afterwards and found there by the next build
/// without asking the registry. Thread-safe.
/// </summary>
public sealed class ImageSource : IImageSource
{
    private readonly Store _store;
    private readonly RegistryClient _registries;
    private readonly ConcurrentDictionary<(string, Platform, PullPolicy), Lazy<Task<ResolvedImage>>> _resolved = new();

    /// <summary>Creates the source.</summary>
    /// <param name="store">The local store.</param>
    /// <param name="registries">The registries.</param>
    /// <param name="progress">Told about layers that are fetched; may be null.</param>
    public ImageSource(Store store, RegistryClient registries, Action<TransferProgress>? progress)
    {
        _store = store;
        _registries = registries;
        Intake = new BlobIntake(store, progress, TimeProvider.System);
        Layers = new LayerFetcher(store, registries, Intake);
    }

    /// <summary>Brings the layers of what was resolved.</summary>
    public LayerFetcher Layers { get; }

    internal BlobIntake Intake { get; }

    /// <inheritdoc/>
    public Task<ResolvedImage> ResolveAsync(
        ImageSpec image, Platform platform, PullPolicy pull, CancellationToken cancellationToken)
    {
        string key = image switch
        {
            NamedImage named => named.Reference.ToString(),
            LayoutImage layout => $"oci-layout://{layout.Path}:{layout.Tag}@{layout.Digest}",
            _ => throw new InvalidOperationException($"an image of the unknown kind {image.GetType().Name}"),
        };
        return _resolved.GetOrAdd((key, platform, pull), _ => new Lazy<Task<ResolvedImage>>(() => image switch
        {
            NamedImage named => ResolveNamedAsync(named.Reference, platform, pull, cancellationToken),
            _ => Task.Run(() => ResolveLayout((LayoutImage)image, platform), cancellationToken),
        })).Value;
    }

    /// <summary>The image of a name in the local store whose platform fits, or null.</summary>
    internal StoredImage? FindLocal(ImageReference reference, Platform platform)
    {
        if (reference.Digest is { } digest)
        {
            return FindByRepoDigests([RepoDigest(reference, digest)], platform)
                ?? Fitting(_store.Images.Find((reference with { Tag = null }).ToString(), platform), platform);
        }

        StoredImage? named = _store.Images.Find(reference.ToString(), platform);
        if (Fitting(named, platform) is { } fitting)
        {
            return fitting;
        }

        // The name means another platform's image: of the same index this platform's may be here as well.
        named ??= _store.Images.Find(reference.ToString());
        return named is null ? null : FindByRepoDigests(named.RepoDigests, platform);
    }

    /// <summary>How registries' names of images are kept.</summary>
    internal static string RepoDigest(ImageReference reference, Digest digest) =>
        $"{reference.Registry}/{reference.Repository}@{digest}";

    /// <summary>Reads manifest and config of an image from its registry and registers it in the store.</summary>
    internal async Task<StoredImage> FetchAsync(
        ImageReference reference, Platform platform, CancellationToken cancellationToken)
    {
        ImmutableArray<RegistryRepository> places = _registries.PullPlaces(reference);
        string version = reference.Digest?.ToString() ?? reference.Tag ?? ImageReference.DefaultTag;
        (FetchedManifest fetched, int place) = await RegistryClient.AskAsync(
            places, repository => repository.GetManifestAsync(version, cancellationToken)).ConfigureAwait(false);
        places = [places[place], .. places.Where((_, i) => i != place)];
        string subject = $"pull {reference}";
        ImageDocument document = ImageDocument.Read(fetched.Bytes, fetched.MediaType, subject);
        Descriptor manifest = new()
        {
            MediaType = document.MediaType,
            Digest = fetched.Digest,
            Size = fetched.Bytes.Length,
        };
        _store.Blobs.Put(fetched.Bytes.Span);
        if (document.Index is { } index)
        {
            manifest = PlatformChoice.Choose(index, platform, subject);
            document = await ReadChildAsync(manifest, places, subject, cancellationToken).ConfigureAwait(false);
        }

        ImageConfig config = await FetchConfigAsync(document.Manifest!, places, subject, cancellationToken)
            .ConfigureAwait(false);
        AddOrigins(document.Manifest!, config, reference, places, subject);
        string repoDigest = RepoDigest(reference, fetched.Digest);
        bool isNew = reference.Digest is null
            && _store.Images.Find(reference.ToString())?.RepoDigests.Contains(repoDigest) != true;
        return _store.Images.Add(manifest, isNew ? [reference] : [], [repoDigest]);
    }

    private static StoredImage? Fitting(StoredImage? image, Platform platform) =>
        image is not null && image.Config.Platform.Satisfies(platform) ? image : null;

    private StoredImage? FindByRepoDigests(ImmutableArray<string> names, Platform platform) =>
        names.Select(name => _store.Images.FindByRepoDigest(name, platform)).FirstOrDefault(image => image is not null);

    private async Task<ResolvedImage> ResolveNamedAsync(
        ImageReference reference, Platform platform, PullPolicy pull, CancellationToken cancellationToken)
    {
        StoredImage? local = FindLocal(reference, platform);
        if (pull == PullPolicy.Never && local is null)
        {
            throw new ContentException(
                ContentFailure.NotFound, $"find image {reference}: it is not in the local store, and --pull=never")
            {
                Hint = $"bld pull {reference.FamiliarName}",
            };
        }

        bool isCurrent = local is not null
            && (pull != PullPolicy.Always || await IsCurrentAsync(local, reference, cancellationToken).ConfigureAwait(false));
        StoredImage image = isCurrent
            ? local!
            : await FetchAsync(reference, platform, cancellationToken).ConfigureAwait(false);
        return new ResolvedImage(image.Manifest.Digest, image.Config);
    }

    /// <summary>True when the registry still means the same by the name.</summary>
    internal async Task<bool> IsCurrentAsync(
        StoredImage local, ImageReference reference, CancellationToken cancellationToken)
    {
        if (reference.Digest is not null)
        {
            return true;
        }

        (ManifestHead? head, _) = await RegistryClient.AskAsync(
            _registries.PullPlaces(reference),
            repository => repository.HeadManifestAsync(reference.Tag ?? ImageReference.DefaultTag, cancellationToken))
            .ConfigureAwait(false);
        return head?.Digest is { } digest
            && local.RepoDigests.Any(name => name.EndsWith($"@{digest}", StringComparison.Ordinal));
    }

    private async Task<ImageDocument> ReadChildAsync(
        Descriptor manifest, ImmutableArray<RegistryRepository> places, string subject, CancellationToken cancellationToken)
    {
        byte[]? bytes = _store.Blobs.TryReadAll(manifest.Digest, RegistryLimits.MaxManifestBytes);
        if (bytes is null)
        {
            (FetchedManifest child, _) = await RegistryClient.AskAsync(
                places, repository => repository.GetManifestAsync(manifest.Digest.ToString(), cancellationToken))
                .ConfigureAwait(false);
            bytes = child.Bytes.ToArray();
            _store.Blobs.Put(bytes);
        }

        ImageDocument document = ImageDocument.Read(bytes, manifest.MediaType, subject);
        return document.Manifest is not null
            ? document
            : throw new RegistryException(RegistryFailure.Unsupported, $"{subject}: the index lists another index");
    }

    private async Task<ImageConfig> FetchConfigAsync(
        Manifest manifest, ImmutableArray<RegistryRepository> places, string subject, CancellationToken cancellationToken)
    {
        RequireImage(manifest, subject);
        if (_store.Blobs.TryReadAll(manifest.Config.Digest, RegistryLimits.MaxConfigBytes) is { } known)
        {
            return ImageConfigJson.Parse(known);
        }

        (byte[] config, _) = await RegistryClient.AskAsync(
            places,
            repository => repository.GetSmallBlobAsync(
                manifest.Config.Digest, RegistryLimits.MaxConfigBytes, cancellationToken)).ConfigureAwait(false);
        _store.Blobs.Put(config);
        return ImageConfigJson.Parse(config);
    }

    private ResolvedImage ResolveLayout(LayoutImage layout, Platform platform)
    {
        string subject = $"read {layout}";
        LayoutReader reader = LayoutReader.Open(layout.Path, subject);
        Descriptor manifest = reader.Choose(layout.Tag, layout.Digest, subject);
        ImageDocument document = ReadFrom(reader, manifest, subject);
        if (document.Index is { } index)
        {
            manifest = PlatformChoice.Choose(index, platform, subject);
            document = ReadFrom(reader, manifest, subject);
        }

        Manifest image = document.Manifest
            ?? throw new RegistryException(RegistryFailure.Unsupported, $"{subject}: the index lists another index");
        RequireImage(image, subject);
        ImageConfig config = ImageConfigJson.Parse(
            Verified(reader.ReadBlob(image.Config, RegistryLimits.MaxConfigBytes), image.Config, subject));
        RequireLayers(image, config, subject);
        for (int i = 0; i < image.Layers.Count; i++)
        {
            Layers.Add(config.RootFs.Layers[i], new LayerOrigin(image.Layers[i], null, [], layout.Path));
        }

        return new ResolvedImage(manifest.Digest, config);
    }

    private static ImageDocument ReadFrom(LayoutReader reader, Descriptor manifest, string subject) => ImageDocument.Read(
        Verified(reader.ReadBlob(manifest, RegistryLimits.MaxManifestBytes), manifest, subject), manifest.MediaType, subject);

    private static byte[] Verified(byte[] bytes, Descriptor descriptor, string subject)
    {
        Digest actual = Digest.FromHash(System.Security.Cryptography.SHA256.HashData(bytes));
        return actual == descriptor.Digest
            ? bytes
            : throw new ContentException(
                ContentFailure.DigestMismatch, $"{subject}: blob {descriptor.Digest} has the digest {actual}");
    }

    private void AddOrigins(
        Manifest manifest, ImageConfig config, ImageReference reference, ImmutableArray<RegistryRepository> places,
        string subject)
    {
        RequireLayers(manifest, config, subject);
        for (int i = 0; i < manifest.Layers.Count; i++)
        {
            Layers.Add(config.RootFs.Layers[i], new LayerOrigin(manifest.Layers[i], reference, places, null));
        }
    }

    private static void RequireImage(Manifest manifest, string subject)
    {
        if (manifest.Config.MediaType is not (MediaTypes.OciConfig or MediaTypes.DockerConfig))
        {
            throw new RegistryException(
                RegistryFailure.Unsupported, $"{subject}: not an image but an artifact ({manifest.Config.MediaType})");
        }

        if (manifest.Layers.Find(layer => !MediaTypes.IsLayer(layer.MediaType)) is { } unknown)
        {
            throw new RegistryException(
                RegistryFailure.Unsupported, $"{subject}: layer {unknown.Digest} is of the unknown kind \"{unknown.MediaType}\"");
        }
    }

    private static void RequireLayers(Manifest manifest, ImageConfig config, string subject)
    {
        if (manifest.Layers.Count != config.RootFs.Layers.Length)
        {
            throw new RegistryException(
                RegistryFailure.InvalidResponse,
                $"{subject}: the manifest has {manifest.Layers.Count} layers, the config {config.RootFs.Layers.Length}");
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Executor.RemoteCache;
using Builder.Executor.Snapshots;
using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Images;

/// <summary>A place that has a layer.</summary>
/// <param name="Blob">The form in which it has it.</param>
/// <param name="Image">The repository; null for a layout on disk.</param>
/// <param name="Places">The registry and its mirrors; empty for a layout.</param>
/// <param name="LayoutPath">The layout's directory; null for a registry.</param>
/// <param name="Other">Another kind of place; then the two before are null and empty.</param>
internal sealed record LayerOrigin(
    Descriptor Blob, ImageReference? Image, ImmutableArray<RegistryRepository> Places, string? LayoutPath,
    IBlobPlace? Other = null);

/// <summary>
/// Knows where the layers of resolved images can be had, and brings them when something needs their files. Images of the
/// store remember the registry that they came from, so that layers which were never needed can still be had by a later
/// process. Thread-safe.
/// </summary>
public sealed class LayerFetcher : ILayerFetcher
{
    private readonly Store _store;
    private readonly RegistryClient _registries;
    private readonly BlobIntake _intake;
    private readonly ConcurrentDictionary<DiffId, ImmutableList<LayerOrigin>> _origins = new();
    private readonly Lazy<ImmutableDictionary<DiffId, ImmutableList<LayerOrigin>>> _remembered;

    internal LayerFetcher(Store store, RegistryClient registries, BlobIntake intake)
    {
        _store = store;
        _registries = registries;
        _intake = intake;
        _remembered = new Lazy<ImmutableDictionary<DiffId, ImmutableList<LayerOrigin>>>(Remember);
    }

    /// <inheritdoc/>
    public bool CanFetch(DiffId layer) => !OriginsOf(layer).IsEmpty;

    /// <inheritdoc/>
    public Descriptor? Describe(DiffId layer) => OriginsOf(layer) is [var first, ..] ? first.Blob : null;

    /// <inheritdoc/>
    public async Task<Descriptor?> FetchAsync(DiffId layer, CancellationToken cancellationToken)
    {
        ImmutableList<LayerOrigin> origins = OriginsOf(layer);
        for (int i = 0; i < origins.Count; i++)
        {
            try
            {
                await FetchAsync(origins[i], cancellationToken).ConfigureAwait(false);
                return origins[i].Blob;
            }
            catch (BuildException) when (i + 1 < origins.Count)
            {
                // Another place has it, too.
            }
        }

        return null;
    }

    /// <summary>Says where the layers of an image are.</summary>
    internal void Add(DiffId layer, LayerOrigin origin) => _origins.AddOrUpdate(
        layer, _ => [origin], (_, known) => known.Contains(origin) ? known : known.Insert(0, origin));

    /// <summary>Brings one form of a layer into the store's blobs.</summary>
    internal async Task FetchAsync(LayerOrigin origin, CancellationToken cancellationToken)
    {
        if (origin.Other is not null)
        {
            await FetchAsync(origin.Other, origin.Blob, cancellationToken).ConfigureAwait(false);
        }
        else if (origin.LayoutPath is null)
        {
            await _intake.FetchAsync(origin.Blob, origin.Places, cancellationToken).ConfigureAwait(false);
        }
        else if (!_store.Blobs.IsFile(origin.Blob.Digest))
        {
            string path = LayoutReader.BlobPath(origin.LayoutPath, origin.Blob.Digest);
            FileStream file = LayoutReader.Open(path);
            await using (file.ConfigureAwait(false))
            {
                await _store.Blobs.PutAsync(file, origin.Blob.Digest, origin.Blob.Size, cancellationToken)
                    .ConfigureAwait(false);
            }
        }
    }

    private async Task FetchAsync(IBlobPlace place, Descriptor blob, CancellationToken cancellationToken)
    {
        if (_store.Blobs.IsFile(blob.Digest))
        {
            return;
        }

        await place.ReadAsync(
            blob,
            content => _store.Blobs.PutAsync(content, blob.Digest, blob.Size, cancellationToken),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>All places that are known to have a layer, the latest named first.</summary>
    internal ImmutableList<LayerOrigin> OriginsOf(DiffId layer) =>
        _origins.TryGetValue(layer, out ImmutableList<LayerOrigin>? known)
            ? known
            : _remembered.Value.GetValueOrDefault(layer) ?? [];

    /// <summary>The repositories of a registry that are known to have a blob, for mounts.</summary>
    internal ImmutableArray<string> RepositoriesWith(Digest blob, string registry) =>
    [
        .. _origins.Values.Concat(_remembered.Value.Values)
            .SelectMany(origins => origins)
            .Where(origin => origin.Blob.Digest == blob && origin.Image?.Registry == registry)
            .Select(origin => origin.Image!.Repository)
            .Distinct(StringComparer.Ordinal),
    ];

    /// <summary>The layers of the images of the store that a registry has.</summary>
    private ImmutableDictionary<DiffId, ImmutableList<LayerOrigin>> Remember()
    {
        ImmutableDictionary<DiffId, ImmutableList<LayerOrigin>>.Builder layers =
            ImmutableDictionary.CreateBuilder<DiffId, ImmutableList<LayerOrigin>>();
        foreach (StoredImage image in _store.Images.List())
        {
            Manifest manifest = _store.Images.ReadManifest(image);
            ImmutableArray<DiffId> diffIds = image.Config.RootFs.Layers;
            if (manifest.Layers.Count != diffIds.Length)
            {
                continue;
            }

            foreach (string name in image.RepoDigests)
            {
                if (!ImageReference.TryParse(name, out ImageReference? reference) || reference.Digest is null
                    || TryPlaces(reference) is not { } places)
                {
                    continue;
                }

                Manifest listing = ManifestThere(reference) is { } there && there.Layers.Count == diffIds.Length
                    ? there
                    : manifest;
                for (int i = 0; i < diffIds.Length; i++)
                {
                    LayerOrigin origin = new(listing.Layers[i], reference, places, null);
                    layers[diffIds[i]] = layers.GetValueOrDefault(diffIds[i], []).Add(origin);
                }
            }
        }

        return layers.ToImmutable();
    }

    /// <summary>
    /// The manifest as the registry has it, when it is in the store: a pushed image lists its layers compressed there.
    /// </summary>
    private Manifest? ManifestThere(ImageReference reference)
    {
        byte[]? bytes = _store.Blobs.TryReadAll(reference.Digest!.Value, OciJson.MaxManifestBytes);
        return bytes is not null && MediaTypes.IsManifest(OciJson.DetectMediaType(bytes)) ? OciJson.ParseManifest(bytes) : null;
    }

    private ImmutableArray<RegistryRepository>? TryPlaces(ImageReference reference)
    {
        try
        {
            return _registries.PullPlaces(reference);
        }
        catch (RegistryException e) when (e.Reason == RegistryFailure.Blocked)
        {
            return null;
        }
    }
}

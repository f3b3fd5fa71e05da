// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.Solver.Ports;

namespace Builder.Executor.Images;

/// <summary>What a pull did.</summary>
/// <param name="Image">The image.</param>
/// <param name="Digest">What the registry means by the name: the digest of a manifest or an index.</param>
/// <param name="IsUpToDate">Nothing was transferred.</param>
public sealed record PulledImage(StoredImage Image, Digest Digest, bool IsUpToDate);

/// <summary>Brings whole images into the store.</summary>
public sealed class ImagePuller
{
    private readonly Store _store;
    private readonly ImageSource _source;

    /// <summary>Creates the puller; the source tells its observer what is transferred.</summary>
    public ImagePuller(Store store, ImageSource source)
    {
        _store = store;
        _source = source;
    }

    /// <summary>Pulls an image with all its layers, several at once; durable on return.</summary>
    /// <exception cref="RegistryException">Not found, unreachable, refused, no image for the platform.</exception>
    public async Task<PulledImage> PullAsync(
        ImageReference reference, Platform platform, PullPolicy pull, CancellationToken cancellationToken)
    {
        using IDisposable use = _store.Use();
        StoredImage? local = _source.FindLocal(reference, platform);
        if (pull == PullPolicy.Never && local is null)
        {
            throw new ContentException(ContentFailure.NotFound, $"pull {reference}: it is not in the local store");
        }

        bool isCurrent = local is not null
            && (pull != PullPolicy.Always
                || await _source.IsCurrentAsync(local, reference, cancellationToken).ConfigureAwait(false));
        StoredImage image = isCurrent
            ? local!
            : await _source.FetchAsync(reference, platform, cancellationToken).ConfigureAwait(false);
        bool hadLayers = await EnsureLayersAsync(image, cancellationToken).ConfigureAwait(false);
        _store.Flush();
        return new PulledImage(image, DigestOf(image, reference), isCurrent && hadLayers);
    }

    /// <summary>Brings the layers of an image that are not in the store; true when all were there.</summary>
    public async Task<bool> EnsureLayersAsync(StoredImage image, CancellationToken cancellationToken)
    {
        List<Task> transfers = [];
        foreach ((Oci.Descriptor blob, Solver.Images.DiffId layer) in
            _store.Images.ReadManifest(image).Layers.Zip(image.Config.RootFs.Layers))
        {
            if (!_store.Blobs.Contains(blob.Digest) && !_store.Blobs.Contains(layer.Value))
            {
                transfers.Add(FetchAsync(layer, cancellationToken));
            }
        }

        await Task.WhenAll(transfers).ConfigureAwait(false);
        return transfers.Count == 0;
    }

    private async Task FetchAsync(Solver.Images.DiffId layer, CancellationToken cancellationToken)
    {
        if (await _source.Layers.FetchAsync(layer, cancellationToken).ConfigureAwait(false) is null)
        {
            throw new ContentException(
                ContentFailure.NotFound, $"fetch layer {layer}: it is not in the store and no registry is known to have it");
        }
    }

    private static Digest DigestOf(StoredImage image, ImageReference reference)
    {
        string prefix = $"{reference.Registry}/{reference.Repository}@";
        string? name = image.RepoDigests.LastOrDefault(name => name.StartsWith(prefix, StringComparison.Ordinal));
        return reference.Digest
            ?? (name is not null && Digest.TryParse(name[prefix.Length..], out Digest digest) ? digest : image.Manifest.Digest);
    }
}

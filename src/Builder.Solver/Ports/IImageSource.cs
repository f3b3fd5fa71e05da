// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Solver.Ports;

/// <summary>When a base image is looked up in its registry.</summary>
public enum PullPolicy
{
    /// <summary>Only when the local store has no image of that name and platform.</summary>
    Missing,

    /// <summary>Always; the local one is used when the digests agree.</summary>
    Always,

    /// <summary>Never: an image that is not in the local store is an error.</summary>
    Never,
}

/// <summary>Where an image named in a Dockerfile (or by <c>--build-context</c>) is found.</summary>
public abstract record ImageSpec;

/// <summary>An image by name: the local store, then its registry.</summary>
public sealed record NamedImage(ImageReference Reference) : ImageSpec
{
    /// <inheritdoc/>
    public override string ToString() => Reference.ToString();
}

/// <summary>An image in an OCI layout on disk (<c>oci-layout://DIR[:TAG][@DIGEST]</c>).</summary>
public sealed record LayoutImage(string Path, string? Tag, Digest? Digest) : ImageSpec
{
    /// <inheritdoc/>
    public override string ToString() => $"oci-layout://{Path}";
}

/// <summary>An image whose config is known; its layers are fetched only when something needs their files.</summary>
/// <param name="ManifestDigest">The digest of the platform's manifest.</param>
/// <param name="Config">The parsed config.</param>
public sealed record ResolvedImage(Digest ManifestDigest, ImageConfig Config);

/// <summary>Finds images; implementations remember where the layers of what they gave can be fetched.</summary>
public interface IImageSource
{
    /// <summary>Resolves an image for a platform: manifest and config only.</summary>
    /// <exception cref="Frontend.BuildException">Not found, unreachable, refused, no such platform.</exception>
    Task<ResolvedImage> ResolveAsync(
        ImageSpec image, Platform platform, PullPolicy pull, CancellationToken cancellationToken);
}

/// <summary>Additional contexts given by <c>--build-context NAME=...</c>, as far as they are not images.</summary>
public interface IContextSource
{
    /// <summary>
    /// Opens the main context (<paramref name="name"/> null; its ignore file applied) or a named one. Null when there
    /// is no context of that name. Trees are opened once and shared.
    /// </summary>
    Task<Files.IFileTree?> OpenAsync(string? name, CancellationToken cancellationToken);

    /// <summary>The image that a named context means (<c>docker-image://</c>, <c>oci-layout://</c>), or null.</summary>
    ImageSpec? FindImage(string name);
}

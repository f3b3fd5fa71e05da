// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;
using Builder.Solver;
using Builder.Solver.Images;

namespace Builder.Executor.Images;

/// <summary>An image of one platform on its way out.</summary>
/// <param name="Platform">Its platform.</param>
/// <param name="Config">The bytes of its config.</param>
/// <param name="Layers">Its layers.</param>
public sealed record ExportImage(Platform Platform, ImmutableArray<byte> Config, LayerStack Layers)
{
    /// <summary>What a build made.</summary>
    public static ExportImage From(PlatformImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return new ExportImage(image.Platform, [.. ImageConfigJson.Serialize(image.Config)], image.Config.RootFs);
    }

    /// <summary>An image of the local store, its config byte for byte.</summary>
    public static ExportImage From(ImageStore images, StoredImage image)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(image);
        return new ExportImage(image.Config.Platform, [.. images.ReadConfig(image)], image.Config.RootFs);
    }
}

/// <summary>What goes out under the same names: one image, or one a platform.</summary>
/// <param name="Images">The images.</param>
/// <param name="Names">The names; empty for none.</param>
public sealed record ExportGroup(ImmutableArray<ExportImage> Images, ImmutableArray<ImageReference> Names);

/// <summary>How images are written.</summary>
public sealed record ExportOptions
{
    /// <summary>How layers are compressed.</summary>
    public CompressionOptions Compression { get; init; } = CompressionOptions.Default;

    /// <summary>docker's media types instead of OCI's (<c>oci-mediatypes=false</c>).</summary>
    public bool DockerMediaTypes { get; init; }

    /// <summary>Also write docker's manifest.json, so that "docker load" of any age reads it.</summary>
    public bool DockerArchive { get; init; }

    /// <summary>Annotations; docker's media types have none.</summary>
    public ImageAnnotations Annotations { get; init; } = ImageAnnotations.None;
}

/// <summary>What was written for a group.</summary>
/// <param name="Target">The manifest, or the index when there are several platforms.</param>
/// <param name="ConfigDigest">The config of the first image: the image id.</param>
public sealed record ExportedImage(Descriptor Target, Digest ConfigDigest);

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Layers;
using Builder.Executor.Oci;
using Builder.Executor.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Images;

/// <summary>A manifest with what it points at, ready to be written or pushed.</summary>
/// <param name="Descriptor">The manifest's descriptor, with its platform.</param>
/// <param name="Json">Its bytes.</param>
/// <param name="Content">What it says.</param>
/// <param name="Config">The config's bytes.</param>
public sealed record BuiltManifest(
    Descriptor Descriptor, ImmutableArray<byte> Json, Manifest Content, ImmutableArray<byte> Config);

/// <summary>Makes the manifests of images that leave: layers in the wanted form, media types of one family.</summary>
public sealed class ManifestBuilder
{
    private readonly LayerExporter _layers;

    /// <summary>A builder over a store; <paramref name="fetcher"/> gives the layers that it lacks.</summary>
    public ManifestBuilder(Store store, ILayerFetcher? fetcher)
    {
        _layers = new LayerExporter(store, fetcher);
    }

    /// <summary>Makes the manifest of an image; its layers are in the store's blobs then.</summary>
    public async Task<BuiltManifest> BuildAsync(
        ExportImage image, ExportOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(options);
        var layers = ImmutableList.CreateBuilder<Descriptor>();
        foreach (DiffId layer in image.Layers.Layers)
        {
            Descriptor blob = await _layers
                .EnsureAsync(layer, options.Compression, cancellationToken).ConfigureAwait(false);
            layers.Add(blob with { MediaType = Translate(blob.MediaType, options.DockerMediaTypes), Urls = null });
        }

        bool docker = options.DockerMediaTypes;
        var manifest = new Manifest
        {
            MediaType = docker ? MediaTypes.DockerManifest : MediaTypes.OciManifest,
            Config = Describe(docker ? MediaTypes.DockerConfig : MediaTypes.OciConfig, image.Config),
            Layers = layers.ToImmutable(),
            Annotations = docker ? null : options.Annotations.For(AnnotationLevel.Manifest, image.Platform),
        };
        ImmutableArray<byte> json = [.. OciJson.Serialize(manifest)];
        return new BuiltManifest(
            Describe(manifest.MediaType, json) with { Platform = OciPlatform.From(image.Platform) },
            json, manifest, image.Config);
    }

    /// <summary>Makes the index over the manifests of several platforms.</summary>
    public static (Descriptor Descriptor, ImmutableArray<byte> Json) BuildIndex(
        IEnumerable<BuiltManifest> manifests, ExportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        string mediaType = options.DockerMediaTypes ? MediaTypes.DockerManifestList : MediaTypes.OciIndex;
        ImmutableArray<byte> json = [.. OciJson.Serialize(new ImageIndex
        {
            MediaType = mediaType,
            Manifests = [.. manifests.Select(manifest => options.DockerMediaTypes ? manifest.Descriptor : Annotate(manifest))],
            Annotations = options.DockerMediaTypes ? null : options.Annotations.For(AnnotationLevel.Index),
        })];
        return (Describe(mediaType, json), json);

        Descriptor Annotate(BuiltManifest manifest) => manifest.Descriptor with
        {
            Annotations = options.Annotations.For(AnnotationLevel.ManifestDescriptor, manifest.Descriptor.Platform?.ToPlatform()),
        };
    }

    internal static Descriptor Describe(string mediaType, ImmutableArray<byte> content) => new()
    {
        MediaType = mediaType,
        Digest = Digest.FromHash(System.Security.Cryptography.SHA256.HashData(content.AsSpan())),
        Size = content.Length,
    };

    private static string Translate(string mediaType, bool docker) => (LayerExporter.KindOf(mediaType), docker) switch
    {
        (Compression.Zstd, true) => throw new ContentException(
            ContentFailure.UnsupportedMediaType, "export with docker's media types: they have none for zstd layers")
        {
            Hint = "use oci-mediatypes=true, or compression=gzip",
        },
        (Compression.Zstd, false) => MediaTypes.OciLayerZstd,
        (Compression.None, true) => MediaTypes.DockerLayer,
        (Compression.None, false) => MediaTypes.OciLayer,
        (_, true) => MediaTypes.DockerLayerGzip,
        (_, false) => MediaTypes.OciLayerGzip,
    };
}

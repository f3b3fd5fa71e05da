// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;

namespace Builder.Executor.RemoteCache;

/// <summary>
/// A cache as an OCI artifact: an image manifest with an empty config, whose first layer is the records and whose other
/// layers are the layers that they name, so that a registry keeps them. Source: image-spec, manifest.md "Guidelines for
/// Artifact Usage".
/// </summary>
internal static class CacheArtifact
{
    public const string ArtifactType = "application/vnd.bld.cache.v1";

    public const string RecordsType = "application/vnd.bld.cache.records.v1+json+gzip";

    /// <summary>The index of a cache mount's content.</summary>
    public const string MountIndexType = "application/vnd.bld.cache.mount.v1+json+gzip";

    /// <summary>A piece of the tar of a cache mount's content.</summary>
    public const string MountChunkType = "application/vnd.bld.cache.mount.chunk.v1+gzip";

    /// <summary>The annotation of an image's manifest that holds the records of its steps in base64: the inline cache.</summary>
    public const string InlineAnnotation = "dev.bld.cache.v1";

    public const int MaxRecordsBytes = 64 * 1024 * 1024;

    /// <summary>Indexes and chunks of cache mounts are smaller.</summary>
    public const int MaxSmallBlobBytes = 32 * 1024 * 1024;

    /// <summary>What is left of a manifest's 4 MiB is enough for its layers.</summary>
    public const int MaxInlineCharacters = 2 * 1024 * 1024;

    /// <summary>The config of artifacts that have none: <c>{}</c>.</summary>
    public static readonly byte[] EmptyConfig = "{}"u8.ToArray();

    private const string EmptyType = "application/vnd.oci.empty.v1+json";

    public static Descriptor EmptyConfigDescriptor { get; } = DescriptorOf(EmptyType, EmptyConfig);

    public static Descriptor DescriptorOf(string mediaType, byte[] bytes) => new()
    {
        MediaType = mediaType,
        Digest = Digest.FromHash(System.Security.Cryptography.SHA256.HashData(bytes)),
        Size = bytes.Length,
    };

    /// <summary>The manifest of an artifact.</summary>
    public static byte[] Write(Descriptor records, CacheDocument document) => OciJson.Serialize(
        new Manifest
        {
            MediaType = MediaTypes.OciManifest,
            ArtifactType = ArtifactType,
            Config = EmptyConfigDescriptor,
            Layers = [records, .. BlobsOf(document).Select(blob => blob with { Annotations = null })],
        });

    /// <summary>All blobs that a document needs, each once: layers, and the indexes and chunks of cache mounts.</summary>
    public static IEnumerable<Descriptor> BlobsOf(CacheDocument document) => document.Layers.Select(layer => layer.Blob)
        .Concat(document.Mounts.SelectMany(mount => mount.Chunks.Prepend(mount.Index)))
        .DistinctBy(blob => blob.Digest);

    /// <summary>The descriptor of the records; null when the manifest is no cache.</summary>
    public static Descriptor? FindRecords(Manifest manifest, string subject)
    {
        Descriptor? records = manifest.Layers.Find(layer => layer.MediaType == RecordsType);
        return records?.Size > MaxRecordsBytes
            ? throw new ContentException(ContentFailure.TooLarge, $"{subject}: the records are larger than 64 MiB")
            : records;
    }
}

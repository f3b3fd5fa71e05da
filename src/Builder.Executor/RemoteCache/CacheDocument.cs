// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.RemoteCache;

/// <summary>
/// What a shared cache holds: step records as the solver wrote them, and the blobs in which the layers they name can be
/// had. Written as JSON in gzip; the same content gives the same bytes.
/// </summary>
internal sealed record CacheDocument
{
    private const int Version = 1;
    private const int MaxBytes = 256 * 1024 * 1024;
    private const int MaxNameCharacters = 100;

    /// <summary>Records by name, sorted.</summary>
    public required ImmutableSortedDictionary<string, byte[]> Records { get; init; }

    /// <summary>Blobs of layers.</summary>
    public ImmutableArray<CachedLayer> Layers { get; init; } = [];

    /// <summary>Contents of cache mounts.</summary>
    public ImmutableArray<CachedMount> Mounts { get; init; } = [];

    /// <summary>Writes the document.</summary>
    public byte[] Encode()
    {
        CacheJson json = new()
        {
            Version = Version,
            Records = new SortedDictionary<string, byte[]>(Records, StringComparer.Ordinal),
            Layers = [.. Layers.Select(layer => new CachedLayerJson { DiffId = layer.DiffId.Value, Blob = layer.Blob })],
            Mounts = Mounts.IsEmpty
                ? null
                : [.. Mounts.Select(mount => new CachedMountJson { Name = mount.Name, Index = mount.Index })],
        };
        using MemoryStream bytes = new();
        using (GZipStream gzip = new(bytes, CompressionLevel.Optimal))
        {
            JsonSerializer.Serialize(gzip, json, CacheJsonContext.Default.CacheJson);
        }

        return bytes.ToArray();
    }

    /// <summary>Reads a document.</summary>
    /// <exception cref="ContentException">It is none, of another version, or larger than 256 MiB when it is unpacked.</exception>
    public static CacheDocument Decode(ReadOnlyMemory<byte> bytes, string subject)
    {
        try
        {
            using GZipStream gzip = new(new MemoryStream(bytes.ToArray(), writable: false), CompressionMode.Decompress);
            using MemoryStream plain = new();
            byte[] buffer = new byte[128 * 1024];
            int count;
            while ((count = gzip.Read(buffer)) > 0)
            {
                plain.Write(buffer, 0, count);
                if (plain.Length > MaxBytes)
                {
                    throw new ContentException(ContentFailure.TooLarge, $"{subject}: the records are larger than 256 MiB");
                }
            }

            CacheJson? json = JsonSerializer.Deserialize(
                plain.GetBuffer().AsSpan(0, (int)plain.Length), CacheJsonContext.Default.CacheJson);
            return json is { Version: Version, Records: not null }
                ? From(json)
                : throw new ContentException(ContentFailure.Malformed, $"{subject}: the records are of another version");
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new ContentException(ContentFailure.Malformed, $"{subject}: the records cannot be read", e);
        }
    }

    private static CacheDocument From(CacheJson json) => new()
    {
        Records = json.Records!.Where(record => record.Value is not null && record.Key.Length <= MaxNameCharacters)
            .ToImmutableSortedDictionary(StringComparer.Ordinal),
        Layers =
        [
            .. (json.Layers ?? []).Where(layer => MediaTypes.IsLayer(layer.Blob.MediaType) && layer.Blob.Size >= 0)
                .Select(layer => new CachedLayer(new DiffId(layer.DiffId), layer.Blob)),
        ],
        Mounts =
        [
            .. (json.Mounts ?? []).Where(mount => mount is { Name: not null, Index: not null } && mount.Name.Length <= MaxNameCharacters)
                .Select(mount => new CachedMount(mount.Name, mount.Index)),
        ],
    };
}

/// <summary>A layer and a blob that holds it.</summary>
internal sealed record CachedLayer(DiffId DiffId, Descriptor Blob);

/// <summary>The content of a cache mount.</summary>
/// <param name="Name">The name of its directory in a store: a digest of its id.</param>
/// <param name="Index">Its index.</param>
internal sealed record CachedMount(string Name, Descriptor Index)
{
    /// <summary>The chunks that the index names; known to whoever writes a cache, not read with the records.</summary>
    public ImmutableArray<Descriptor> Chunks { get; init; } = [];
}

internal sealed record CacheJson
{
    [JsonPropertyName("version")]
    public int Version { get; init; }

    [JsonPropertyName("records")]
    public SortedDictionary<string, byte[]>? Records { get; init; }

    [JsonPropertyName("layers")]
    public List<CachedLayerJson>? Layers { get; init; }

    [JsonPropertyName("mounts")]
    public List<CachedMountJson>? Mounts { get; init; }
}

internal sealed record CachedMountJson
{
    [JsonPropertyName("name")]
    public required string Name { get; init; }

    [JsonPropertyName("index")]
    public required Descriptor Index { get; init; }
}

internal sealed record CachedLayerJson
{
    [JsonPropertyName("diffId")]
    [JsonConverter(typeof(DigestJsonConverter))]
    public required Digest DiffId { get; init; }

    [JsonPropertyName("blob")]
    public required Descriptor Blob { get; init; }
}

[JsonSerializable(typeof(CacheJson))]
[JsonSerializable(typeof(Mounts.MountIndexJson))]
[JsonSerializable(typeof(Descriptor))]
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class CacheJsonContext : JsonSerializerContext;

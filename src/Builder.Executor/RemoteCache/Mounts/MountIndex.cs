// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;

namespace Builder.Executor.RemoteCache.Mounts;

/// <summary>A piece of a tar: what it holds, and the blob in which it is kept.</summary>
/// <param name="Content">The digest of its bytes.</param>
/// <param name="LengthBytes">Their number.</param>
/// <param name="Blob">The bytes in gzip.</param>
internal sealed record MountChunk(Digest Content, int LengthBytes, Descriptor Blob);

/// <summary>
/// The content of a cache mount: the root's attributes, and the chunks whose bytes one after the other are the canonical
/// tar of what is in it. Written as JSON in gzip; the same content gives the same bytes.
/// </summary>
internal sealed record MountIndex
{
    private const int Version = 1;
    private const int MaxJsonBytes = 16 * 1024 * 1024;

    /// <summary>Permissions of the root.</summary>
    public required int Mode { get; init; }

    /// <summary>Owner of the root.</summary>
    public required uint UserId { get; init; }

    /// <summary>Group of the root.</summary>
    public required uint GroupId { get; init; }

    /// <summary>The tar, in order.</summary>
    public required ImmutableArray<MountChunk> Chunks { get; init; }

    /// <summary>Writes the index.</summary>
    public byte[] Encode()
    {
        MountIndexJson json = new()
        {
            Version = Version,
            Mode = Mode,
            UserId = UserId,
            GroupId = GroupId,
            Chunks =
            [
                .. Chunks.Select(chunk => new MountChunkJson
                {
                    Content = chunk.Content, Length = chunk.LengthBytes, Blob = chunk.Blob.Digest, Size = chunk.Blob.Size,
                }),
            ],
        };
        using MemoryStream bytes = new();
        using (GZipStream gzip = new(bytes, CompressionLevel.Optimal))
        {
            JsonSerializer.Serialize(gzip, json, CacheJsonContext.Default.MountIndexJson);
        }

        return bytes.ToArray();
    }

    /// <summary>Reads an index and checks it against the limits.</summary>
    /// <exception cref="ContentException">It is none, of another version, or names more than a mount may hold.</exception>
    public static MountIndex Decode(byte[] bytes, string subject)
    {
        try
        {
            using GZipStream gzip = new(new MemoryStream(bytes, writable: false), CompressionMode.Decompress);
            using MemoryStream plain = new();
            byte[] buffer = new byte[128 * 1024];
            int count;
            while (plain.Length <= MaxJsonBytes && (count = gzip.Read(buffer)) > 0)
            {
                plain.Write(buffer, 0, count);
            }

            MountIndexJson? json = plain.Length <= MaxJsonBytes
                ? JsonSerializer.Deserialize(
                    plain.GetBuffer().AsSpan(0, (int)plain.Length), CacheJsonContext.Default.MountIndexJson)
                : null;
            return json is { Version: Version, Chunks: not null }
                ? From(json, subject)
                : throw new ContentException(ContentFailure.Malformed, $"{subject}: the index is of another version or too large");
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new ContentException(ContentFailure.Malformed, $"{subject}: the index cannot be read", e);
        }
    }

    private static MountIndex From(MountIndexJson json, string subject)
    {
        bool isSound = json.Chunks.TrueForAll(chunk => chunk is not null && chunk.Length is > 0 and <= MountLimits.MaxChunkBytes
            && chunk.Size is > 0 and <= CacheArtifact.MaxSmallBlobBytes);
        return isSound && json.Chunks.Sum(chunk => (long)chunk.Length) <= MountLimits.MaxTarBytes
            ? new MountIndex
            {
                Mode = json.Mode & 0xFFF,
                UserId = json.UserId,
                GroupId = json.GroupId,
                Chunks =
                [
                    .. json.Chunks.Select(chunk => new MountChunk(
                        chunk.Content,
                        chunk.Length,
                        new Descriptor { MediaType = CacheArtifact.MountChunkType, Digest = chunk.Blob, Size = chunk.Size })),
                ],
            }
            : throw new ContentException(
                ContentFailure.TooLarge, $"{subject}: it is larger than {MountLimits.MaxTarBytes >> 30} GiB, or a chunk is too large");
    }
}

internal sealed record MountIndexJson
{
    [JsonPropertyName("version")]
    public required int Version { get; init; }

    [JsonPropertyName("mode")]
    public required int Mode { get; init; }

    [JsonPropertyName("uid")]
    public required uint UserId { get; init; }

    [JsonPropertyName("gid")]
    public required uint GroupId { get; init; }

    [JsonPropertyName("chunks")]
    public required List<MountChunkJson> Chunks { get; init; }
}

internal sealed record MountChunkJson
{
    [JsonPropertyName("content")]
    [JsonConverter(typeof(DigestJsonConverter))]
    public required Digest Content { get; init; }

    [JsonPropertyName("length")]
    public required int Length { get; init; }

    [JsonPropertyName("blob")]
    [JsonConverter(typeof(DigestJsonConverter))]
    public required Digest Blob { get; init; }

    [JsonPropertyName("size")]
    public required long Size { get; init; }
}

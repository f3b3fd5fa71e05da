// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Builder.Executor.Content;

namespace Builder.Executor.Oci;

/// <summary>
/// Reads and writes the documents of images. What is written is compact, in a fixed order, and escapes only what JSON
/// demands. What is read has a named limit.
/// </summary>
public static class OciJson
{
    /// <summary>The longest manifest or index.</summary>
    public const int MaxManifestBytes = 4 * 1024 * 1024;

    /// <summary>The longest config.</summary>
    public const int MaxConfigBytes = 4 * 1024 * 1024;

    private static readonly OciJsonContext s_context = new(new JsonSerializerOptions
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>How hand-written documents are escaped.</summary>
    internal static JsonWriterOptions WriterOptions { get; } = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Parses a manifest.</summary>
    /// <exception cref="ContentException">It is none.</exception>
    public static Manifest ParseManifest(ReadOnlySpan<byte> json) => Parse(json, s_context.Manifest, "image manifest");

    /// <summary>Parses an index.</summary>
    /// <exception cref="ContentException">It is none.</exception>
    public static ImageIndex ParseIndex(ReadOnlySpan<byte> json) => Parse(json, s_context.ImageIndex, "image index");

    /// <summary>The bytes of a manifest.</summary>
    public static byte[] Serialize(Manifest manifest) =>
        JsonSerializer.SerializeToUtf8Bytes(manifest, s_context.Manifest);

    /// <summary>The bytes of an index.</summary>
    public static byte[] Serialize(ImageIndex index) => JsonSerializer.SerializeToUtf8Bytes(index, s_context.ImageIndex);

    /// <summary>
    /// What a document says it is: its <c>mediaType</c>, else what its fields look like; null when it is neither an index
    /// nor a manifest.
    /// </summary>
    public static string? DetectMediaType(ReadOnlySpan<byte> json)
    {
        MediaTypeProbe probe = Parse(json, s_context.MediaTypeProbe, "image manifest or index");
        return probe.MediaType ?? (probe.Manifests is not null ? MediaTypes.OciIndex
            : probe.Config is not null ? MediaTypes.OciManifest
            : null);
    }

    internal static ImmutableList<DockerArchiveImage> ParseDockerArchive(ReadOnlySpan<byte> json) =>
        Parse(json, s_context.ImmutableListDockerArchiveImage, "manifest.json");

    internal static byte[] Serialize(ImmutableList<DockerArchiveImage> images) =>
        JsonSerializer.SerializeToUtf8Bytes(images, s_context.ImmutableListDockerArchiveImage);

    private static T Parse<T>(
        ReadOnlySpan<byte> json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, string what)
        where T : class
    {
        try
        {
            // A byte order mark is not JSON, but Windows tools write one.
            return JsonSerializer.Deserialize(json.StartsWith("\uFEFF"u8) ? json[3..] : json, type)
                ?? throw new ContentException(ContentFailure.Malformed, $"read {what}: it is null");
        }
        catch (JsonException failure)
        {
            throw new ContentException(ContentFailure.Malformed, $"read {what}: {failure.Message}", failure);
        }
    }
}

/// <summary>Just enough of a document to tell what it is.</summary>
internal sealed record MediaTypeProbe
{
    /// <summary>What it says.</summary>
    [JsonPropertyName("mediaType")]
    public string? MediaType { get; init; }

    /// <summary>Present in an index.</summary>
    [JsonPropertyName("manifests")]
    public JsonElement? Manifests { get; init; }

    /// <summary>Present in a manifest.</summary>
    [JsonPropertyName("config")]
    public JsonElement? Config { get; init; }
}

/// <summary>An image in a docker archive's manifest.json. Source: moby, image/spec/v1.2.md.</summary>
internal sealed record DockerArchiveImage
{
    /// <summary>Path of the config in the archive.</summary>
    [JsonPropertyName("Config")]
    [JsonPropertyOrder(0)]
    public required string Config { get; init; }

    /// <summary>Names.</summary>
    [JsonPropertyName("RepoTags")]
    [JsonPropertyOrder(1)]
    public ImmutableList<string>? RepoTags { get; init; }

    /// <summary>Paths of the layers in the archive, lowest first.</summary>
    [JsonPropertyName("Layers")]
    [JsonPropertyOrder(2)]
    public ImmutableList<string>? Layers { get; init; }
}

/// <summary>JSON of the image documents.</summary>
[JsonSerializable(typeof(Manifest))]
[JsonSerializable(typeof(ImageIndex))]
[JsonSerializable(typeof(MediaTypeProbe))]
[JsonSerializable(typeof(ImmutableList<DockerArchiveImage>))]
internal sealed partial class OciJsonContext : JsonSerializerContext;

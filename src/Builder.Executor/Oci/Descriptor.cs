// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Builder.Frontend.Naming;

namespace Builder.Executor.Oci;

/// <summary>Points at a blob. Source: image-spec, descriptor.md.</summary>
public sealed record Descriptor
{
    /// <summary>The type of the blob.</summary>
    [JsonPropertyName("mediaType")]
    [JsonPropertyOrder(0)]
    public required string MediaType { get; init; }

    /// <summary>The blob's digest.</summary>
    [JsonPropertyName("digest")]
    [JsonPropertyOrder(1)]
    [JsonConverter(typeof(DigestJsonConverter))]
    public required Digest Digest { get; init; }

    /// <summary>The blob's length in bytes.</summary>
    [JsonPropertyName("size")]
    [JsonPropertyOrder(2)]
    public required long Size { get; init; }

    /// <summary>Where else the blob can be had.</summary>
    [JsonPropertyName("urls")]
    [JsonPropertyOrder(3)]
    public ImmutableList<string>? Urls { get; init; }

    /// <summary>Annotations, sorted by key.</summary>
    [JsonPropertyName("annotations")]
    [JsonPropertyOrder(4)]
    public ImmutableSortedDictionary<string, string>? Annotations { get; init; }

    /// <summary>The platform of an image in an index.</summary>
    [JsonPropertyName("platform")]
    [JsonPropertyOrder(5)]
    public OciPlatform? Platform { get; init; }

    /// <summary>The artifact type of an artifact in an index.</summary>
    [JsonPropertyName("artifactType")]
    [JsonPropertyOrder(6)]
    public string? ArtifactType { get; init; }
}

/// <summary>The platform object of a descriptor. Source: image-spec, image-index.md.</summary>
public sealed record OciPlatform
{
    /// <summary>For instance "amd64".</summary>
    [JsonPropertyName("architecture")]
    [JsonPropertyOrder(0)]
    public required string Architecture { get; init; }

    /// <summary>For instance "linux".</summary>
    [JsonPropertyName("os")]
    [JsonPropertyOrder(1)]
    public required string Os { get; init; }

    /// <summary>The operating system's version.</summary>
    [JsonPropertyName("os.version")]
    [JsonPropertyOrder(2)]
    public string? OsVersion { get; init; }

    /// <summary>For instance "v7".</summary>
    [JsonPropertyName("variant")]
    [JsonPropertyOrder(3)]
    public string? Variant { get; init; }

    /// <summary>From the solver's form.</summary>
    public static OciPlatform From(Platform platform) => new()
    {
        Architecture = platform.Architecture,
        Os = platform.Os,
        OsVersion = platform.OsVersion,
        Variant = platform.Variant,
    };

    /// <summary>In the solver's form.</summary>
    public Platform ToPlatform() => new()
    {
        Os = Os,
        Architecture = Architecture,
        OsVersion = string.IsNullOrEmpty(OsVersion) ? null : OsVersion,
        Variant = string.IsNullOrEmpty(Variant) ? null : Variant,
    };
}

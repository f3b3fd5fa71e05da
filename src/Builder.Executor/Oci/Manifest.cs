// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Builder.Executor.Oci;

/// <summary>An image manifest, of OCI or docker's schema 2. Source: image-spec, manifest.md.</summary>
public sealed record Manifest
{
    /// <summary>Always 2.</summary>
    [JsonPropertyName("schemaVersion")]
    [JsonPropertyOrder(0)]
    public int SchemaVersion { get; init; } = 2;

    /// <summary>The type of this document.</summary>
    [JsonPropertyName("mediaType")]
    [JsonPropertyOrder(1)]
    public string? MediaType { get; init; }

    /// <summary>Set for artifacts.</summary>
    [JsonPropertyName("artifactType")]
    [JsonPropertyOrder(2)]
    public string? ArtifactType { get; init; }

    /// <summary>The image's config.</summary>
    [JsonPropertyName("config")]
    [JsonPropertyOrder(3)]
    public required Descriptor Config { get; init; }

    /// <summary>The layers, lowest first.</summary>
    [JsonPropertyName("layers")]
    [JsonPropertyOrder(4)]
    public ImmutableList<Descriptor> Layers { get; init; } = [];

    /// <summary>The manifest that this one refers to.</summary>
    [JsonPropertyName("subject")]
    [JsonPropertyOrder(5)]
    public Descriptor? Subject { get; init; }

    /// <summary>Annotations, sorted by key.</summary>
    [JsonPropertyName("annotations")]
    [JsonPropertyOrder(6)]
    public ImmutableSortedDictionary<string, string>? Annotations { get; init; }
}

/// <summary>A list of manifests, one a platform. Source: image-spec, image-index.md.</summary>
public sealed record ImageIndex
{
    /// <summary>Always 2.</summary>
    [JsonPropertyName("schemaVersion")]
    [JsonPropertyOrder(0)]
    public int SchemaVersion { get; init; } = 2;

    /// <summary>The type of this document.</summary>
    [JsonPropertyName("mediaType")]
    [JsonPropertyOrder(1)]
    public string? MediaType { get; init; }

    /// <summary>Set for artifacts.</summary>
    [JsonPropertyName("artifactType")]
    [JsonPropertyOrder(2)]
    public string? ArtifactType { get; init; }

    /// <summary>The manifests, in order of preference.</summary>
    [JsonPropertyName("manifests")]
    [JsonPropertyOrder(3)]
    public ImmutableList<Descriptor> Manifests { get; init; } = [];

    /// <summary>The manifest that this one refers to.</summary>
    [JsonPropertyName("subject")]
    [JsonPropertyOrder(4)]
    public Descriptor? Subject { get; init; }

    /// <summary>Annotations, sorted by key.</summary>
    [JsonPropertyName("annotations")]
    [JsonPropertyOrder(5)]
    public ImmutableSortedDictionary<string, string>? Annotations { get; init; }
}

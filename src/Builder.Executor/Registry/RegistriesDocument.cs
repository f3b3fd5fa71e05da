// SPDX-License-Identifier: Apache-2.0

using System.Text.Json.Serialization;
using Tomlyn.Serialization;

namespace Builder.Executor.Registry;

/// <summary>registries.conf, version 2, as far as it is used. Source: containers-registries.conf(5).</summary>
internal sealed class RegistriesDocument
{
    [JsonPropertyName("registry")]
    public List<RegistryTable>? Registries { get; set; }

    /// <summary>Version 1, which is refused.</summary>
    [JsonPropertyName("registries")]
    public Dictionary<string, RegistryListTable>? VersionOne { get; set; }
}

/// <summary>A [registries.search], [registries.insecure] or [registries.block] of version 1.</summary>
internal sealed class RegistryListTable
{
    [JsonPropertyName("registries")]
    public List<string>? Registries { get; set; }
}

/// <summary>One [[registry]].</summary>
internal sealed class RegistryTable
{
    [JsonPropertyName("prefix")]
    public string? Prefix { get; set; }

    [JsonPropertyName("location")]
    public string? Location { get; set; }

    [JsonPropertyName("insecure")]
    public bool Insecure { get; set; }

    [JsonPropertyName("blocked")]
    public bool Blocked { get; set; }

    [JsonPropertyName("mirror-by-digest-only")]
    public bool MirrorByDigestOnly { get; set; }

    [JsonPropertyName("mirror")]
    public List<MirrorTable>? Mirrors { get; set; }
}

/// <summary>One [[registry.mirror]].</summary>
internal sealed class MirrorTable
{
    [JsonPropertyName("location")]
    public string? Location { get; set; }

    [JsonPropertyName("insecure")]
    public bool Insecure { get; set; }

    /// <summary>all, digest-only or tag-only.</summary>
    [JsonPropertyName("pull-from-mirror")]
    public string? PullFromMirror { get; set; }
}

[TomlSerializable(typeof(RegistriesDocument))]
internal sealed partial class RegistriesToml : TomlSerializerContext;

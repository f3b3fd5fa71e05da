// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Builder.Frontend.Lint.Reports;

/// <summary>What BuildKit answers to "frontend.outline".</summary>
internal sealed record OutlineJson
{
    public string? Name { get; init; }

    public string? Description { get; init; }

    public ImmutableArray<OutlineArgJson>? Args { get; init; }

    public ImmutableArray<OutlineInputJson>? Secrets { get; init; }

    public ImmutableArray<OutlineInputJson>? Ssh { get; init; }

    public ImmutableArray<OutlineCacheJson>? Cache { get; init; }

    public required ImmutableArray<string> Sources { get; init; }
}

/// <summary>A build arg.</summary>
internal sealed record OutlineArgJson
{
    public required string Name { get; init; }

    public string? Description { get; init; }

    public string? Value { get; init; }

    public LocationJson? Location { get; init; }
}

/// <summary>A secret or an agent.</summary>
internal sealed record OutlineInputJson
{
    public required string Name { get; init; }

    public bool? Required { get; init; }

    public LocationJson? Location { get; init; }
}

/// <summary>A cache mount.</summary>
internal sealed record OutlineCacheJson
{
    [JsonPropertyName("ID")]
    public required string Id { get; init; }

    public LocationJson? Location { get; init; }
}

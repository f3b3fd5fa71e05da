// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Lint.Reports;

/// <summary>What BuildKit answers to "frontend.targets".</summary>
internal sealed record TargetsJson
{
    public required ImmutableArray<TargetJson> Targets { get; init; }

    public required ImmutableArray<string> Sources { get; init; }
}

/// <summary>A stage.</summary>
internal sealed record TargetJson
{
    public string? Name { get; init; }

    public bool? Default { get; init; }

    public string? Description { get; init; }

    public required string Base { get; init; }

    public string? Platform { get; init; }

    public LocationJson? Location { get; init; }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Lint.Reports;

/// <summary>What a peer would do differently.</summary>
internal sealed record CompatibilityJson
{
    public required string Peer { get; init; }

    public required string FileName { get; init; }

    public required ImmutableArray<DifferenceJson> Differences { get; init; }
}

/// <summary>One difference.</summary>
internal sealed record DifferenceJson
{
    public required string Feature { get; init; }

    public required string Effect { get; init; }

    public required string Explanation { get; init; }

    public LocationJson? Location { get; init; }
}

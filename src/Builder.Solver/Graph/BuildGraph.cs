// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Solver.Graph;

/// <summary>The vertices of a build, each after those it needs. Only what the target needs is in it.</summary>
/// <param name="Vertices">All vertices in an order in which they could run one by one.</param>
/// <param name="Output">The target's file system.</param>
internal sealed record BuildGraph(ImmutableArray<Vertex> Vertices, FileSystemInput Output);

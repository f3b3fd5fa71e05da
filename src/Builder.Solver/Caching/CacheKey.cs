// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;

namespace Builder.Solver.Caching;

/// <summary>A step's cache key and the inputs that made it.</summary>
/// <param name="Digest">Decides reuse.</param>
/// <param name="Inputs">What went in, for people; long values and those that may be secret as digests.</param>
internal sealed record CacheKey(Digest Digest, ImmutableArray<KeyInput> Inputs);

/// <summary>One input of a key: what it is, and its value as people may see it.</summary>
/// <param name="Name">For instance <c>command</c>, <c>env PATH</c>, <c>parent</c>, <c>source</c>.</param>
/// <param name="Value">The value, or <c>sha256:...</c> of it.</param>
public sealed record KeyInput(string Name, string Value);

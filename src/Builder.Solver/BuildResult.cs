// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Explaining;
using Builder.Solver.Images;

namespace Builder.Solver;

/// <summary>What a build made: one image a platform, in the order asked for.</summary>
public sealed record BuildResult(ImmutableArray<PlatformImage> Images, ImmutableArray<Diagnostic> Warnings);

/// <summary>A finished image: its config says its layers, all of which the executor can give.</summary>
public sealed record PlatformImage(Platform Platform, ImageConfig Config)
{
    /// <summary>What became of each step, and which step of the build before it corresponds to.</summary>
    public BuildTrace Trace { get; init; } = new([]);

    /// <summary>How many of the layers, from the lowest, are those of the base image.</summary>
    public int BaseLayerCount { get; init; }

    /// <summary>SOURCE_DATE_EPOCH of the build, in seconds since 1970; null when there is none.</summary>
    public long? Epoch { get; init; }

    /// <summary>The ids of the cache mounts that its steps mention, whether they ran or not.</summary>
    public ImmutableArray<string> CacheMounts { get; init; } = [];
}

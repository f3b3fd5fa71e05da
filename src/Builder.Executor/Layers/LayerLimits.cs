// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Layers;

/// <summary>What a layer from outside may demand.</summary>
internal static class LayerLimits
{
    /// <summary>PATH_MAX of the kernel.</summary>
    public const int MaxPathBytes = 4096;

    /// <summary>Length of one PAX header or GNU long name.</summary>
    public const int MaxHeaderBytes = 1024 * 1024;

    /// <summary>Regions of a sparse file.</summary>
    public const int MaxSparseRegions = 1_000_000;

    /// <summary>Entries of one layer.</summary>
    public const int MaxEntries = 50_000_000;

    /// <summary>Symbolic links followed in one path, as the kernel's limit.</summary>
    public const int MaxLinkHops = 40;
}

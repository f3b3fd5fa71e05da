// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.RemoteCache.Mounts;

/// <summary>Sizes of shared contents of cache mounts.</summary>
internal static class MountLimits
{
    /// <summary>A mount whose tar is longer is not shared.</summary>
    public const long MaxTarBytes = 4L << 30;

    /// <summary>No cut before this many bytes.</summary>
    public const int MinChunkBytes = 128 * 1024;

    /// <summary>A cut at the latest after this many bytes.</summary>
    public const int MaxChunkBytes = 4 * 1024 * 1024;

    /// <summary>A cut on average this many bytes after the minimum, as a power of two.</summary>
    public const int AverageChunkBits = 19;

    /// <summary>Chunks that are compressed and sent, or fetched, at the same time.</summary>
    public const int Parallelism = 4;
}

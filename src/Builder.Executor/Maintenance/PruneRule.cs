// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Maintenance;

/// <summary>What of the build cache goes: entries that fit, the least recently used first, until the limits hold.</summary>
public sealed record PruneRule
{
    /// <summary>Also what images and containers share, and what is bld's own: only forgotten, little is freed by it.</summary>
    public bool All { get; init; }

    /// <summary>Only entries that this is true of; null for any.</summary>
    public Func<CacheEntry, bool>? Filter { get; init; }

    /// <summary>Only entries that were not used for this long.</summary>
    public TimeSpan UnusedFor { get; init; }

    /// <summary>This much may always stay; 0 for nothing.</summary>
    public long ReservedBytes { get; init; }

    /// <summary>No more than this may stay; 0 for no such limit.</summary>
    public long MaxUsedBytes { get; init; }

    /// <summary>This much of the disk is to be free afterwards; 0 for no such limit.</summary>
    public long MinFreeBytes { get; init; }

    /// <summary>True when there is no limit of size: everything that fits goes.</summary>
    public bool IsUnlimited => ReservedBytes == 0 && MaxUsedBytes == 0 && MinFreeBytes == 0;

    /// <summary>How much may stay of what the cache takes now; 0 for nothing. Source: BuildKit's gc policy.</summary>
    public long BytesToKeep(long totalBytes, long freeBytes)
    {
        if (IsUnlimited)
        {
            return 0;
        }

        long keep = MaxUsedBytes == 0 ? long.MaxValue : MaxUsedBytes;
        long missing = MinFreeBytes - freeBytes;
        if (missing > 0)
        {
            keep = Math.Min(keep, totalBytes - missing);
        }

        // A reserve alone is the limit: --keep-storage says nothing else.
        keep = keep == long.MaxValue && MinFreeBytes == 0 ? ReservedBytes : keep;
        return Math.Max(keep, ReservedBytes);
    }
}

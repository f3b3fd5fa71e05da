// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Maintenance;

/// <summary>
/// How much build cache a store keeps by itself. Null is the default, which follows BuildKit's: entries that were not used
/// for 60 days go; at most 100 GB or 80 % of the disk stay, whichever is less; 20 % of the disk are kept free; 10 GB or
/// 10 % of the disk always stay. Images and containers are never touched.
/// </summary>
public sealed record CollectionLimits
{
    private const long Gigabyte = 1_000_000_000;
    private const long DefaultReserved = 10 * Gigabyte;
    private const long DefaultMaxUsed = 100 * Gigabyte;
    private const long QuickLimit = 512_000_000;
    private const int ReservedPercent = 10;
    private const int MaxUsedPercent = 80;
    private const int MinFreePercent = 20;

    private static readonly TimeSpan s_quickAge = TimeSpan.FromHours(48);
    private static readonly TimeSpan s_defaultAge = TimeSpan.FromDays(60);

    /// <summary>No collection by itself.</summary>
    public bool IsOff { get; init; }

    /// <summary>What always stays, in bytes.</summary>
    public long? ReservedBytes { get; init; }

    /// <summary>What stays at most, in bytes.</summary>
    public long? MaxUsedBytes { get; init; }

    /// <summary>What is to stay free of the disk, in bytes.</summary>
    public long? MinFreeBytes { get; init; }

    /// <summary>For how long an unused entry stays; zero for ever.</summary>
    public TimeSpan? KeepDuration { get; init; }

    /// <summary>The least room that is to stay free on a disk of that size.</summary>
    public long MinFreeOf(long diskBytes) => MinFreeBytes ?? Percent(diskBytes, MinFreePercent);

    /// <summary>The rules in the order in which they are applied to a disk of that size.</summary>
    public ImmutableArray<PruneRule> RulesFor(long diskBytes)
    {
        long reserved = ReservedBytes ?? Math.Min(DefaultReserved, Percent(diskBytes, ReservedPercent));
        long maxUsed = MaxUsedBytes ?? Math.Min(DefaultMaxUsed, Percent(diskBytes, MaxUsedPercent));
        var limits = new PruneRule
        {
            ReservedBytes = reserved,
            MaxUsedBytes = maxUsed,
            MinFreeBytes = MinFreeOf(diskBytes),
        };
        var rules = ImmutableArray.CreateBuilder<PruneRule>();

        // What is quickly made again goes first.
        rules.Add(new PruneRule
        {
            Filter = entry => entry.Kind is CacheEntryKind.Mount or CacheEntryKind.Download,
            UnusedFor = s_quickAge,
            MaxUsedBytes = QuickLimit,
        });
        if ((KeepDuration ?? s_defaultAge) is { Ticks: > 0 } age)
        {
            rules.Add(new PruneRule { All = true, Filter = entry => !entry.IsShared, UnusedFor = age });
        }

        rules.Add(limits);
        return rules.ToImmutable();
    }

    private static long Percent(long bytes, int percent) => bytes / 100 * percent;
}

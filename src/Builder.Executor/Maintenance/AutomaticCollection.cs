// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Maintenance;

/// <summary>
/// Keeps a store within its limits at the end of builds that added something. Looking costs one statvfs and one stat;
/// once an hour, or when the disk gets full, the records are listed; files are walked only when what the records say is
/// beyond a limit. Nothing happens while another process uses the store: the last one to end does it.
/// </summary>
public sealed class AutomaticCollection
{
    private static readonly TimeSpan s_interval = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_urgentInterval = TimeSpan.FromMinutes(1);

    private readonly Store _store;
    private readonly CollectionLimits _limits;
    private readonly TimeProvider _time;
    private readonly string _stamp;

    /// <summary>The collection of a store within limits.</summary>
    public AutomaticCollection(Store store, CollectionLimits limits, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _limits = limits;
        _time = time;
        _stamp = Path.Combine(store.Root, "locks", "collected");
    }

    /// <summary>Collects when it is due; gives what was removed. The caller itself uses the store no more.</summary>
    /// <param name="isGrown">The build added something to the store.</param>
    public ImmutableArray<CacheEntry> RunIfDue(bool isGrown)
    {
        if (_store.WantsCollection)
        {
            new GarbageCollector(_store).TryCollect();
        }

        if (!isGrown || _limits.IsOff || !IsDue())
        {
            return [];
        }

        // One at a time, and only when nobody else is at work: otherwise the next one.
        using (IDisposable? alone = _store.TryUseAlone())
        {
            if (alone is null)
            {
                return [];
            }
        }

        Stamp();
        return Apply();
    }

    private void Stamp()
    {
        try
        {
            File.WriteAllBytes(_stamp, []);
            AtCalls.SetModificationTime(
                AtCalls.CurrentDirectory, PathEncoding.Encode(_stamp), _time.GetUtcNow().ToUnixTimeSeconds(), 0);
        }
        catch (IOException)
        {
            // The disk is full: there will be room for it afterwards.
        }
    }

    private bool IsDue()
    {
        DateTimeOffset last = File.Exists(_stamp) ? File.GetLastWriteTimeUtc(_stamp) : DateTimeOffset.MinValue;
        TimeSpan since = _time.GetUtcNow() - last;
        if (since >= s_interval || since < TimeSpan.Zero)
        {
            return true;
        }

        (long total, long free) = CachePruner.DiskOf(_store);
        return free < _limits.MinFreeOf(total) && since >= s_urgentInterval;
    }

    private ImmutableArray<CacheEntry> Apply()
    {
        var pruner = new CachePruner(_store, _time);
        (long diskBytes, long free) = CachePruner.DiskOf(_store);
        ImmutableArray<PruneRule> rules = _limits.RulesFor(diskBytes);
        CacheInventory inventory = CacheInventory.Read(_store);
        if (!IsBeyond(inventory, rules, free))
        {
            return [];
        }

        var removed = ImmutableArray.CreateBuilder<CacheEntry>();
        foreach (PruneRule rule in rules)
        {
            removed.AddRange(pruner.Prune(rule).Removed);
        }

        return removed.ToImmutable();
    }

    /// <summary>True when a rule may find something; said without walking any files.</summary>
    private bool IsBeyond(CacheInventory inventory, ImmutableArray<PruneRule> rules, long free)
    {
        DateTimeOffset now = _time.GetUtcNow();
        long estimate = inventory.EstimateBytes();
        return rules.Any(rule => rule.UnusedFor > TimeSpan.Zero
            ? inventory.Entries.Any(entry => rule.Filter!(entry) && now - entry.LastUsed >= rule.UnusedFor)
            : free < rule.MinFreeBytes || estimate > rule.MaxUsedBytes);
    }
}

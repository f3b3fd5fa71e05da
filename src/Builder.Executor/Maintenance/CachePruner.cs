// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Maintenance;

/// <summary>
/// Removes entries of the build cache. Forgetting records is always safe: a build that runs holds in memory what it found.
/// Layers and cache mounts leave the disk only when no other process uses the store, else when the last of them ends.
/// </summary>
public sealed class CachePruner
{
    private readonly Store _store;
    private readonly TimeProvider _time;

    /// <summary>A pruner of a store.</summary>
    public CachePruner(Store store, TimeProvider time)
    {
        _store = store;
        _time = time;
    }

    /// <summary>The disk that a store lies on.</summary>
    public static (long TotalBytes, long FreeBytes) DiskOf(Store store)
    {
        ArgumentNullException.ThrowIfNull(store);
        var disk = new DriveInfo(store.Root);
        return (disk.TotalSize, disk.AvailableFreeSpace);
    }

    /// <summary>Applies a rule and collects; gives what was removed.</summary>
    public PruneResult Prune(PruneRule rule)
    {
        CacheInventory inventory = CacheInventory.Read(_store);
        inventory.Measure();
        ImmutableArray<CacheEntry> chosen = Choose(inventory, rule);
        Remove(ref chosen);
        var collector = new GarbageCollector(_store);
        collector.TryCollect();
        return new PruneResult(chosen, collector.IsDone);
    }

    /// <summary>What a rule would remove of a measured inventory.</summary>
    internal ImmutableArray<CacheEntry> Choose(CacheInventory inventory, PruneRule rule)
    {
        DateTimeOffset latest = _time.GetUtcNow() - rule.UnusedFor;
        long total = inventory.TotalBytes;
        long keep = rule.BytesToKeep(total, rule.MinFreeBytes == 0 ? 0 : DiskOf(_store).FreeBytes);
        var chosen = ImmutableArray.CreateBuilder<CacheEntry>();

        // What nothing needs is at the end of the list and goes first.
        foreach (CacheEntry entry in inventory.Entries.Reverse())
        {
            bool fits = entry.Kind == CacheEntryKind.Unused
                || (entry.LastUsed <= latest && (rule.All || (!entry.IsShared && entry.Kind != CacheEntryKind.Internal)));
            if (!fits || rule.Filter?.Invoke(entry) == false)
            {
                continue;
            }

            if (!rule.IsUnlimited && total <= keep)
            {
                break;
            }

            total -= entry.Bytes;
            chosen.Add(entry);
        }

        return chosen.ToImmutable();
    }

    /// <summary>Removes what was chosen; what is in use stays and is taken off the list.</summary>
    internal void Remove(ref ImmutableArray<CacheEntry> chosen)
    {
        using IDisposable? alone = _store.TryUseAlone();
        bool isAlone = alone is not null;
        chosen = chosen.RemoveAll(entry => entry.Kind == CacheEntryKind.Mount && !isAlone);
        foreach (CacheEntry entry in chosen)
        {
            switch (entry.Kind)
            {
                case CacheEntryKind.Unused:
                    break; // The collector looks again.
                case CacheEntryKind.Mount:
                    entry.Paths.ToList().ForEach(_store.Tmp.Discard);
                    break;
                default:
                    foreach (string path in entry.Paths)
                    {
                        AtCalls.TryUnlink(AtCalls.CurrentDirectory, PathEncoding.Encode(path));
                    }

                    break;
            }
        }
    }
}

/// <summary>What a pruning did.</summary>
/// <param name="Removed">The entries that are gone.</param>
/// <param name="IsCollected">
/// Their layers left the disk; false when another process uses the store and they go when that ends.
/// </param>
public sealed record PruneResult(ImmutableArray<CacheEntry> Removed, bool IsCollected);

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Maintenance;
using Builder.Executor.Tests.Snapshots;
using Builder.Solver.Caching;
using Builder.Solver.Images;
using Builder.TestSupport;
using Microsoft.Extensions.Caching.Distributed;
using Xunit;

namespace Builder.Executor.Tests.Maintenance;

public sealed class CachePrunerTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly StoreFixture _fixture = new();

    private Store Store => _fixture.Store;

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(0, 0, 0, 500, 0, 0)] // no limit: nothing need stay
    [InlineData(0, 300, 0, 500, 0, 300)]
    [InlineData(400, 300, 0, 500, 0, 400)] // the reserve wins
    [InlineData(200, 0, 0, 500, 0, 200)] // --keep-storage alone
    [InlineData(0, 0, 100, 500, 40, 440)] // 60 bytes are missing on the disk
    [InlineData(450, 0, 100, 500, 40, 450)]
    [InlineData(0, 400, 100, 500, 40, 400)]
    [InlineData(0, 600, 100, 500, 40, 440)]
    [InlineData(0, 0, 100, 500, 900, long.MaxValue)] // enough is free
    public void What_may_stay_follows_from_the_limits(
        long reserved, long maxUsed, long minFree, long total, long free, long expected) => Assert.Equal(
            expected,
            new PruneRule { ReservedBytes = reserved, MaxUsedBytes = maxUsed, MinFreeBytes = minFree }.BytesToKeep(total, free));

    [Fact]
    public void The_defaults_follow_the_size_of_the_disk()
    {
        const long Gigabyte = 1_000_000_000;
        PruneRule small = new CollectionLimits().RulesFor(50 * Gigabyte)[^1];
        Assert.Equal((5 * Gigabyte, 40 * Gigabyte, 10 * Gigabyte), (small.ReservedBytes, small.MaxUsedBytes, small.MinFreeBytes));
        PruneRule large = new CollectionLimits().RulesFor(4000 * Gigabyte)[^1];
        Assert.Equal((10 * Gigabyte, 100 * Gigabyte, 800 * Gigabyte), (large.ReservedBytes, large.MaxUsedBytes, large.MinFreeBytes));
        Assert.Equal(3, new CollectionLimits().RulesFor(Gigabyte).Length);
        Assert.Equal(2, new CollectionLimits { KeepDuration = TimeSpan.Zero }.RulesFor(Gigabyte).Length);
    }

    [Fact]
    public void The_least_recently_used_goes_first_until_the_limit_holds()
    {
        LayerStack[] layers = [.. Enumerable.Range(0, 4).Select(i =>
            _fixture.Push(LayerStack.Empty, $"head -c 100000 /dev/zero | tr '\\0' {i} > f"))];
        for (int i = 0; i < layers.Length; i++)
        {
            Record(i, layers[i], hoursAgo: 10 - i);
        }

        PruneResult result = new CachePruner(Store, new FixedTime(s_now)).Prune(new PruneRule { MaxUsedBytes = 250_000 });
        Assert.True(result.IsCollected);
        Assert.Equal([layers[0].Layers[0], layers[1].Layers[0]], result.Removed.Select(entry => new DiffId(entry.Layer!.Value)));
        Assert.Equal([false, false, true, true], layers.Select(layer => Store.Snapshots.HasSnapshot(layer.Layers[0])));
    }

    [Fact]
    public void What_an_image_has_in_common_with_the_cache_is_only_forgotten_when_all_goes()
    {
        LayerStack shared = _fixture.Push(LayerStack.Empty, "echo shared > s");
        LayerStack own = _fixture.Push(LayerStack.Empty, "echo own > o");
        _fixture.Commit(shared, "x");
        Record(0, shared, hoursAgo: 1);
        Record(1, own, hoursAgo: 1);
        var pruner = new CachePruner(Store, new FixedTime(s_now));
        Assert.Equal([own.Layers[0].Value], pruner.Prune(new PruneRule()).Removed.Select(entry => entry.Layer!.Value));
        CacheEntry forgotten = Assert.Single(pruner.Prune(new PruneRule { All = true }).Removed);
        Assert.True(forgotten.IsShared);
        Assert.True(Store.Snapshots.HasSnapshot(shared.Layers[0]));
        Assert.Empty(CacheInventory.Read(Store).Entries);
    }

    [Fact]
    public void While_somebody_uses_the_store_layers_and_cache_mounts_stay()
    {
        LayerStack layer = _fixture.Push(LayerStack.Empty, "echo x > f");
        Record(0, layer, hoursAgo: 1);
        string mount = Path.Combine(Store.MountsPath, new string('b', 64));
        Directory.CreateDirectory(Path.Combine(mount, "fs"));
        var pruner = new CachePruner(Store, TimeProvider.System);
        using (Store other = Store.Open(Store.Root))
        using (other.Use())
        {
            PruneResult result = pruner.Prune(new PruneRule());
            Assert.False(result.IsCollected);
            Assert.Equal(CacheEntryKind.Step, Assert.Single(result.Removed).Kind);
            Assert.True(Store.Snapshots.HasSnapshot(layer.Layers[0]));
            Assert.True(Directory.Exists(mount));
        }

        new AutomaticCollection(Store, new CollectionLimits(), TimeProvider.System).RunIfDue(isGrown: false);
        Assert.False(Store.Snapshots.HasSnapshot(layer.Layers[0]));
        pruner.Prune(new PruneRule());
        Assert.False(Directory.Exists(mount));
    }

    [Fact]
    public void A_look_up_notes_the_use_once_an_hour_only()
    {
        var time = new FixedTime(s_now);
        var cache = new CacheDirectory(Store, time);
        cache.Set("key", [1], new DistributedCacheEntryOptions());
        string file = CacheDirectory.ListFiles(Store).Single();
        File.SetLastWriteTimeUtc(file, s_now.AddMinutes(-50).UtcDateTime);
        Assert.NotNull(cache.Get("key"));
        Assert.Equal(s_now.AddMinutes(-50).UtcDateTime, File.GetLastWriteTimeUtc(file));
        File.SetLastWriteTimeUtc(file, s_now.AddMinutes(-70).UtcDateTime);
        Assert.NotNull(cache.Get("key"));
        Assert.Equal(s_now.UtcDateTime, File.GetLastWriteTimeUtc(file));
    }

    [Fact]
    public void A_file_with_several_names_takes_its_room_once()
    {
        using var directory = new TemporaryDirectory();
        Command.Shell($"cd '{directory.Path}' && mkdir a b && head -c 1000000 /dev/urandom > a/f && ln a/f b/f && ln a/f b/g").Succeeded();
        var usage = new DiskUsage();
        Assert.InRange(usage.Add(directory["a"]), 1_000_000, 1_100_000);
        Assert.InRange(usage.Add(directory["b"]), 0, 100_000);
        Assert.Equal(0, usage.Add(directory["nowhere"]));
    }

    [Fact]
    public void Ranges_of_a_disk_are_counted_once_however_they_overlap()
    {
        var ranges = new DiskRanges();
        var model = new bool[300];
        var chance = new System.Random(7);
        for (int i = 0; i < 2000; i++)
        {
            int start = chance.Next(280);
            int length = chance.Next(1, 20);
            int known = model.AsSpan(start, length).Count(true);
            Assert.Equal((ulong)known, ranges.Add((ulong)start, (ulong)length));
            model.AsSpan(start, length).Fill(true);
            if (i % 100 == 99)
            {
                ranges = new DiskRanges();
                model.AsSpan().Clear();
            }
        }
    }

    [ToolFact("mkfs.btrfs mkfs.xfs losetup")]
    public void Pieces_that_files_share_take_their_room_once()
    {
        Assert.SkipUnless(new Command("losetup", "-f").Run().ExitCode == 0, "needs loop devices");
        foreach ((string make, string type) in new[] { ("mkfs.btrfs -q", "btrfs"), ("mkfs.xfs -q -m reflink=1", "xfs") })
        {
            using var directory = new TemporaryDirectory();
            Command.Shell($"cd '{directory.Path}' && mkdir m && truncate -s 400M disk && {make} disk && mount -o loop -t {type} disk m").Succeeded();
            try
            {
                Command.Shell(
                    $"cd '{directory.Path}/m' && mkdir a b && head -c 8000000 /dev/urandom > a/f && sync && "
                    + "cp --reflink=always a/f b/f && head -c 1000000 /dev/urandom | dd of=b/f conv=notrunc status=none && sync").Succeeded();
                var usage = new DiskUsage();
                Assert.InRange(usage.Add(directory["m/a"]), 8_000_000, 8_100_000);
                Assert.InRange(usage.Add(directory["m/b"]), 900_000, 1_300_000);
            }
            finally
            {
                Command.Shell($"umount '{directory.Path}/m'");
            }
        }
    }

    private void Record(int key, LayerStack stack, int hoursAgo)
    {
        string name = $"{StepRecord.KeyPrefix}{key:x64}";
        string[] before = [.. CacheDirectory.ListFiles(Store)];
        new CacheDirectory(Store, TimeProvider.System).Set(
            name, new StepRecord(stack.Layers[^1], 1, DateTimeOffset.UnixEpoch, ImmutableArray<KeyInput>.Empty).Encode(),
            new DistributedCacheEntryOptions());
        string file = CacheDirectory.ListFiles(Store).Except(before).Single();
        File.SetLastWriteTimeUtc(file, s_now.AddHours(-hoursAgo).UtcDateTime);
    }

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}

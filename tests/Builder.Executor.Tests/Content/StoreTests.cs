// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using System.Text;
using Builder.Executor.Content;
using Builder.Frontend.Naming;
using Builder.Solver.Images;
using Builder.TestSupport;
using Microsoft.Extensions.Caching.Distributed;
using Xunit;

namespace Builder.Executor.Tests.Content;

public sealed class StoreTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Store _store;

    public StoreTests()
    {
        _store = Store.Open(Path.Combine(_directory.Path, "store"));
    }

    public void Dispose()
    {
        _store.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void What_a_dead_process_left_is_swept_and_what_a_living_one_has_is_not()
    {
        string living = _store.Tmp.CreateDirectory("x");
        string dead = Path.Combine(_store.Root, "tmp", "1-dead");
        Directory.CreateDirectory(Path.Combine(dead, "layer-1", "fs"));
        File.WriteAllText(Path.Combine(dead, "lock"), "");
        using Store other = Store.Open(_store.Root);
        other.Tmp.CreateDirectory("y");
        Assert.True(Directory.Exists(living));
        Assert.False(Directory.Exists(dead));
    }

    [Fact]
    public void A_blob_with_other_bytes_than_promised_does_not_come_in()
    {
        Digest promised = Digest.FromHash(SHA256.HashData("good"u8));
        ContentException failure = Assert.Throws<ContentException>(() => _store.Blobs
            .PutAsync(new MemoryStream("evil"u8.ToArray()), promised, 4, CancellationToken.None).GetAwaiter().GetResult());
        Assert.Equal(ContentFailure.DigestMismatch, failure.Reason);
        failure = Assert.Throws<ContentException>(() => _store.Blobs
            .PutAsync(new MemoryStream(new byte[5000]), promised, 4, CancellationToken.None).GetAwaiter().GetResult());
        Assert.Equal(ContentFailure.SizeMismatch, failure.Reason);
        Assert.False(_store.Blobs.Contains(promised));
        Assert.Empty(Directory.GetFiles(Path.Combine(_store.Root, "blobs", "sha256")));
    }

    [Fact]
    public void A_damaged_document_is_noticed_when_it_is_read()
    {
        Digest digest = _store.Blobs.Put("content"u8);
        File.WriteAllText(_store.Blobs.PathOf(digest), "changed");
        Assert.Equal(
            ContentFailure.DigestMismatch,
            Assert.Throws<ContentException>(() => _store.Blobs.TryReadAll(digest, 100)).Reason);
    }

    [Fact]
    public void A_store_of_another_version_and_a_foreign_directory_are_refused()
    {
        File.WriteAllText(Path.Combine(_store.Root, "format"), "bld store 99\n");
        Assert.Equal(
            ContentFailure.UnsupportedStore, Assert.Throws<ContentException>(() => Store.Open(_store.Root)).Reason);
        string foreign = Path.Combine(_directory.Path, "foreign");
        Directory.CreateDirectory(Path.Combine(foreign, "documents"));
        Assert.Throws<ContentException>(() => Store.Open(foreign));
        Assert.Equal(["documents"], Directory.GetFileSystemEntries(foreign).Select(Path.GetFileName));
    }

    [Fact]
    public void Snapshots_that_another_boot_did_not_finish_are_dropped()
    {
        string torn = Path.Combine(_store.Root, "snapshots", new string('a', 64));
        Directory.CreateDirectory(torn);
        Directory.CreateDirectory(Path.Combine(_store.Root, "pending", "former-boot"));
        File.WriteAllText(Path.Combine(_store.Root, "pending", "former-boot", new string('a', 64)), "");
        using Store again = Store.Open(_store.Root);
        Assert.False(Directory.Exists(torn));
        Assert.Empty(Directory.GetDirectories(Path.Combine(_store.Root, "pending")));
    }

    [Fact]
    public void A_flush_takes_every_mark_away()
    {
        using (var draft = _store.Snapshots.BeginLayer())
        {
            File.WriteAllText(Path.Combine(draft.FilesPath, "f"), "x");
            draft.Commit(draft.Digest(null, null, CancellationToken.None)!.Value);
        }

        string marks = Directory.GetDirectories(Path.Combine(_store.Root, "pending")).Single();
        Assert.Single(Directory.GetFiles(marks));
        _store.Flush();
        Assert.Empty(Directory.GetFiles(marks));
    }

    [Fact]
    public async Task A_lock_is_held_by_one_at_a_time_also_across_stores()
    {
        using Store other = Store.Open(_store.Root);
        int inside = 0;
        int rounds = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(index => Task.Run(async () =>
        {
            for (int i = 0; i < 50; i++)
            {
                using IDisposable held = await (index % 2 == 0 ? _store : other).Locks
                    .AcquireAsync("name", TestContext.Current.CancellationToken);
                Assert.Equal(1, Interlocked.Increment(ref inside));
                rounds++;
                Interlocked.Decrement(ref inside);
            }
        })));
        Assert.Equal(400, rounds);
        Assert.Empty(Directory.GetFiles(Path.Combine(_store.Root, "locks")));
    }

    [Fact]
    public void A_truncated_or_changed_step_record_is_a_miss()
    {
        var cache = new CacheDirectory(_store, TimeProvider.System);
        cache.Set("key", "value"u8.ToArray(), new DistributedCacheEntryOptions());
        Assert.Equal("value", Encoding.ASCII.GetString(cache.Get("key")!));
        Assert.Null(cache.Get("other"));
        string file = Directory.GetFiles(_store.CachePath, "*", SearchOption.AllDirectories).Single();
        byte[] whole = File.ReadAllBytes(file);
        for (int length = 0; length < whole.Length; length += 7)
        {
            File.WriteAllBytes(file, whole[..length]);
            Assert.Null(cache.Get("key"));
        }

        whole[^1] ^= 1;
        File.WriteAllBytes(file, whole);
        Assert.Null(cache.Get("key"));
    }

    [Fact]
    public void A_record_expires()
    {
        var cache = new CacheDirectory(_store, TimeProvider.System);
        cache.Set("key", [1], new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = TimeSpan.FromMilliseconds(1) });
        SpinWait.SpinUntil(() => cache.Get("key") is null, TimeSpan.FromSeconds(5));
        Assert.Null(cache.Get("key"));
    }

    [Fact]
    public void A_claim_about_a_layer_becomes_verified_but_never_the_other_way()
    {
        var layer = new DiffId(Digest.FromHash(SHA256.HashData("layer"u8)));
        var blob = new Builder.Executor.Oci.Descriptor
        {
            MediaType = "application/vnd.oci.image.layer.v1.tar+gzip",
            Digest = Digest.FromHash(SHA256.HashData("x"u8)),
            Size = 1,
        };
        _store.Layers.Add(layer, blob, verified: false);
        Assert.Empty(_store.Layers.Find(layer, verifiedOnly: true));
        _store.Layers.Add(layer, blob, verified: true);
        _store.Layers.Add(layer, blob, verified: false);
        Assert.Equal(blob.Digest, Assert.Single(_store.Layers.Find(layer, verifiedOnly: true)).Digest);
    }
}

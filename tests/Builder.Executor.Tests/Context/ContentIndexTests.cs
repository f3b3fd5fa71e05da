// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Context;
using Builder.Frontend.Naming;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Context;

public sealed class ContentIndexTests : IDisposable
{
    private static readonly Digest s_digest = Digest.FromHex(new string('a', 64));
    private static readonly FileStamp s_stamp = new(1, 2, 3, 1000, 1000, 5, 5);

    private readonly TemporaryDirectory _directory = new();

    private string IndexPath => _directory["cache/index"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_file_is_remembered_across_runs_until_its_stamp_changes()
    {
        ContentIndex index = ContentIndex.Load(IndexPath);
        for (ulong inode = 100; inode > 0; inode--)
        {
            index.Add(s_stamp with { Inode = inode }, new KnownContent(s_digest, inode == 7), At(2000));
        }

        Assert.True(index.Save());
        ContentIndex again = ContentIndex.Load(IndexPath);
        Assert.Equal(new KnownContent(s_digest, true), again.Find(s_stamp with { Inode = 7 }));
        Assert.Equal(new KnownContent(s_digest, false), again.Find(s_stamp with { Inode = 8 }));
        Assert.Null(again.Find(s_stamp with { Inode = 8, Size = 4 }));
        Assert.Null(again.Find(s_stamp with { Inode = 8, ChangedNanoseconds = 6 }));
        Assert.Null(again.Find(s_stamp with { Inode = 101 }));
        Assert.Null(again.Find(s_stamp with { Device = 9 }));
    }

    [Theory]
    [InlineData(1000, 5, 1000.05, false)]
    [InlineData(1000, 5, 1000.2, true)]
    [InlineData(1000, 0, 1001, false)]
    [InlineData(1000, 0, 1002.5, true)]
    [InlineData(2000, 5, 1000, false)]
    public void A_file_read_in_the_tick_of_its_last_change_is_not_trusted(
        long changed, uint nanoseconds, double readAt, bool remembered)
    {
        ContentIndex index = ContentIndex.Load(IndexPath);
        FileStamp stamp = s_stamp with { ChangedSeconds = changed, ChangedNanoseconds = nanoseconds };
        index.Add(stamp, new KnownContent(s_digest, false), At(readAt));
        Assert.Equal(remembered, index.Find(stamp) is not null);
    }

    [Fact]
    public void Files_not_seen_for_long_are_forgotten_and_others_are_not()
    {
        FileStamp seen = s_stamp with { Inode = 3 };
        for (int run = 0; run < 30; run++)
        {
            ContentIndex index = ContentIndex.Load(IndexPath);
            index.Find(seen);
            index.Add(s_stamp with { Inode = 1000 + (ulong)run }, new KnownContent(s_digest, false), At(2000));
            if (run == 0)
            {
                index.Add(seen, new KnownContent(s_digest, false), At(2000));
                index.Add(s_stamp, new KnownContent(s_digest, false), At(2000));
            }

            index.Save();
        }

        ContentIndex last = ContentIndex.Load(IndexPath);
        Assert.NotNull(last.Find(seen));
        Assert.Null(last.Find(s_stamp));
    }

    [Fact]
    public void A_damaged_index_is_as_none()
    {
        ContentIndex index = ContentIndex.Load(IndexPath);
        index.Add(s_stamp, new KnownContent(s_digest, false), At(2000));
        index.Save();
        byte[] bytes = File.ReadAllBytes(IndexPath);
        for (int i = 0; i < bytes.Length; i += 9)
        {
            byte[] damaged = [.. bytes];
            damaged[i] ^= 0x10;
            File.WriteAllBytes(IndexPath, damaged);
            Assert.Null(ContentIndex.Load(IndexPath).Find(s_stamp));
        }

        File.WriteAllBytes(IndexPath, bytes[..^1]);
        Assert.Null(ContentIndex.Load(IndexPath).Find(s_stamp));
    }

    private static DateTimeOffset At(double seconds) => DateTimeOffset.UnixEpoch.AddSeconds(seconds);
}

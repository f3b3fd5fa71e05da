// SPDX-License-Identifier: Apache-2.0

using System.IO.Compression;
using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Executor.RemoteCache;
using Builder.Executor.RemoteCache.Mounts;
using Builder.Frontend.Naming;
using Xunit;

namespace Builder.Executor.Tests.RemoteCache;

/// <summary>The pieces of shared cache mounts.</summary>
public sealed class MountContentTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(MountLimits.MinChunkBytes)]
    [InlineData(MountLimits.MinChunkBytes + 1)]
    [InlineData(9_000_000)]
    public void Pieces_are_the_whole_in_order_and_within_their_limits(int length)
    {
        byte[] content = Noise(length, seed: 1);
        List<byte[]> pieces = Cut(content);
        Assert.Equal(content, pieces.SelectMany(piece => piece));
        Assert.All(pieces, piece => Assert.InRange(piece.Length, 1, MountLimits.MaxChunkBytes));
        Assert.All(pieces.SkipLast(1), piece => Assert.InRange(piece.Length, MountLimits.MinChunkBytes, MountLimits.MaxChunkBytes));
    }

    [Fact]
    public void Content_without_any_cut_is_cut_at_the_limit() =>
        Assert.Equal([4 << 20, 4 << 20, 1 << 20], Cut(new byte[9 << 20]).Select(piece => piece.Length));

    [Theory]
    [InlineData(0)]
    [InlineData(3_333_333)]
    [InlineData(7_999_999)]
    public void An_insertion_changes_the_pieces_around_it_only(int place)
    {
        byte[] before = Noise(8_000_000, seed: 2);
        byte[] after = [.. before[..place], 1, 2, 3, .. before[place..]];
        HashSet<string> known = [.. Cut(before).Select(Name)];
        long moved = Cut(after).Where(piece => !known.Contains(Name(piece))).Sum(piece => (long)piece.Length);
        Assert.InRange(moved, 1, MountLimits.MaxChunkBytes);
        Assert.True(known.Count > 8, $"{known.Count} pieces");
    }

    [Fact]
    public void An_index_survives_encoding_and_equal_ones_have_equal_bytes()
    {
        MountIndex index = Index(5, 6);
        MountIndex read = MountIndex.Decode(index.Encode(), "x");
        Assert.Equal(index.Chunks, read.Chunks);
        Assert.Equal((index.Mode, index.UserId, index.GroupId), (read.Mode, read.UserId, read.GroupId));
        Assert.Equal(index.Encode(), read.Encode());
    }

    [Fact]
    public void An_index_that_demands_too_much_or_is_none_is_refused()
    {
        Assert.Throws<ContentException>(() => MountIndex.Decode(Index(MountLimits.MaxChunkBytes + 1).Encode(), "x"));
        Assert.Throws<ContentException>(() => MountIndex.Decode(Index(0).Encode(), "x"));
        Assert.Throws<ContentException>(() => MountIndex.Decode(
            Index([.. Enumerable.Repeat(MountLimits.MaxChunkBytes, 1025)]).Encode(), "x"));
        Assert.Throws<ContentException>(() => MountIndex.Decode([1, 2, 3], "x"));
        foreach (string text in (string[])["null", "{}", "[]", """{"version":2,"mode":0,"uid":0,"gid":0,"chunks":[]}""",
            """{"version":1,"mode":0,"uid":0,"gid":0,"chunks":null}""", """{"version":1,"mode":0,"uid":0,"gid":0,"chunks":[null]}"""])
        {
            using MemoryStream packed = new();
            using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
            {
                gzip.Write(System.Text.Encoding.UTF8.GetBytes(text));
            }

            Assert.Throws<ContentException>(() => MountIndex.Decode(packed.ToArray(), "x"));
        }
    }

    private static MountIndex Index(params int[] lengths) => new()
    {
        Mode = 0b111_101_101,
        UserId = 7,
        GroupId = 8,
        Chunks =
        [
            .. lengths.Select(length => new MountChunk(
                Digest.FromHash(SHA256.HashData(BitConverter.GetBytes(length))),
                length,
                new Descriptor
                {
                    MediaType = CacheArtifact.MountChunkType,
                    Digest = Digest.FromHash(SHA256.HashData([1])),
                    Size = 5,
                })),
        ],
    };

    private static List<byte[]> Cut(byte[] content)
    {
        List<byte[]> pieces = [];
        foreach (ContentChunk piece in ContentChunker.Cut(new MemoryStream(content)))
        {
            using (piece)
            {
                Assert.Equal(pieces.Count, piece.Index);
                pieces.Add(piece.Bytes.ToArray());
            }
        }

        return pieces;
    }

    private static string Name(byte[] piece) => Convert.ToHexString(SHA256.HashData(piece));

    private static byte[] Noise(int length, int seed)
    {
        byte[] content = new byte[length];
        new Random(seed).NextBytes(content);
        return content;
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.Content;
using Builder.Executor.Layers;
using Builder.Solver.Files;
using Builder.TestSupport;
using CsCheck;
using Xunit;

namespace Builder.Executor.Tests.Layers;

public sealed class LayerTarTests
{
    private static readonly FileKind[] s_kinds =
        [FileKind.Regular, FileKind.Directory, FileKind.Symlink, FileKind.CharacterDevice, FileKind.Fifo];

    private static readonly Gen<LayerEntry> s_entry =
        from path in Gen.Byte[1, 255].Array[1, 300]
        from kind in Gen.Int[0, s_kinds.Length - 1].Select(index => s_kinds[index])
        from mode in Gen.Int[0, 0xFFF]
        from user in Gen.OneOf(Gen.UInt[0, 70_000], Gen.UInt[0, uint.MaxValue - 1])
        from seconds in Gen.OneOf(Gen.Long[0, int.MaxValue], Gen.Long[-100_000, 20_000_000_000])
        from nanoseconds in Gen.OneOf(Gen.Const(0), Gen.Int[0, 999_999_999])
        from link in Gen.Byte[1, 255].Array[1, 300]
        from major in Gen.UInt[0, 5_000_000]
        from value in Gen.Byte.Array[1, 600]
        from hasXattr in Gen.Bool
        select new LayerEntry
        {
            Path = FileSystemPath(path),
            Kind = kind,
            Mode = mode,
            UserId = user,
            GroupId = user / 3,
            ModifiedSeconds = seconds,
            ModifiedNanoseconds = nanoseconds,
            LinkTarget = kind == FileKind.Symlink ? link : null,
            DeviceMajor = kind == FileKind.CharacterDevice ? major : 0,
            DeviceMinor = kind == FileKind.CharacterDevice ? major / 7 : 0,
            Xattrs = hasXattr ? [new ExtendedAttribute("user.x", [.. value])] : [],
        };

    [Fact]
    public void What_is_written_is_read_back()
    {
        s_entry.Array[1, 8].Sample(entries =>
        {
            LayerEntry[] read = [.. Read(Write(entries))];
            Assert.Equal(entries.Length, read.Length);
            foreach ((LayerEntry expected, LayerEntry found) in entries.Zip(read))
            {
                AssertSame(expected, found);
            }
        }, iter: 300);
    }

    [Theory]
    [InlineData(0, 0, "0")]
    [InlineData(-1, 500_000_000, "-0.5")]
    [InlineData(-2, 500_000_000, "-1.5")]
    [InlineData(1, 1, "1.000000001")]
    [InlineData(-3, 0, "-3")]
    public void Times_before_1970_have_the_sign_in_front_of_the_fraction(long seconds, int nanoseconds, string text) =>
        Assert.Equal(text, TarHeaderEncoder.FormatTime(seconds, nanoseconds));

    [Fact]
    public void Gnu_tar_reads_what_is_written()
    {
        byte[] tar = Write(
            Entry("a", FileKind.Directory) with { Mode = 0b001_111_101_000 },
            Entry("a/" + new string('n', 180), FileKind.Regular) with { UserId = 3_000_000_000 },
            Entry(new string('p', 90) + "/" + new string('q', 60), FileKind.Symlink) with { LinkTarget = "x y"u8.ToArray() },
            Entry("z", FileKind.Regular) with { ModifiedSeconds = 5, ModifiedNanoseconds = 123_456_789 });
        using var directory = new TemporaryDirectory();
        string file = Path.Combine(directory.Path, "a.tar");
        File.WriteAllBytes(file, tar);
        string[] lines = new Command("tar", "--numeric-owner", "--full-time", "--utc", "-tvf", file).Run().Succeeded().Lines;
        Assert.StartsWith("drwxr-x--T", lines[0], StringComparison.Ordinal);
        Assert.Contains("3000000000/0", lines[1], StringComparison.Ordinal);
        Assert.EndsWith("-> x y", lines[2], StringComparison.Ordinal);
        Assert.Contains("1970-01-01 00:00:05.123456789", lines[3], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gnu", "")]
    [InlineData("gnu", "--sparse")]
    [InlineData("posix", "--xattrs")]
    [InlineData("posix", "--sparse --sparse-version=0.0")]
    [InlineData("posix", "--sparse --sparse-version=0.1")]
    [InlineData("posix", "--sparse --sparse-version=1.0")]
    [InlineData("ustar", "")]
    [InlineData("v7", "")]
    public void Archives_of_gnu_tar_are_read(string format, string options)
    {
        using var directory = new TemporaryDirectory();
        Command.Shell($$"""
            cd {{directory.Path}}; mkdir -p t/dir
            printf hello > t/dir/file; ln t/dir/file t/hard; ln -s dir/file t/soft
            truncate -s 3M t/sparse; printf tail >> t/sparse; printf head | dd of=t/sparse conv=notrunc status=none
            printf middle | dd of=t/sparse bs=1 seek=1000000 conv=notrunc status=none
            case {{format}} in gnu|posix) printf long > t/{{new string('x', 150)}};; esac
            touch -d '2001-02-03 04:05:06.789 UTC' t/dir/file
            tar --format={{format}} {{options}} -C t -cf a.tar .
            """).Succeeded();
        using FileStream input = File.OpenRead(Path.Combine(directory.Path, "a.tar"));
        var reader = new LayerTarReader(input);
        var found = new Dictionary<string, (LayerEntry Entry, byte[] Content)>();
        while (reader.Next() is { } entry)
        {
            found[PathEncoding.Decode(entry.Path)] = (entry, Content(reader, entry));
        }

        Assert.Equal("hello", Encoding.ASCII.GetString(
            found["dir/file"].Entry.HardLinkTo is null ? found["dir/file"].Content : found["hard"].Content));
        Assert.Equal("dir/file"u8.ToArray(), found["soft"].Entry.LinkTarget);
        Assert.Equal(File.ReadAllBytes(Path.Combine(directory.Path, "t/sparse")), found["sparse"].Content);
        Assert.Equal(981_173_106, found["dir/file"].Entry.ModifiedSeconds);
        if (format is "gnu" or "posix")
        {
            Assert.Equal("long"u8.ToArray(), found[new string('x', 150)].Content);
        }

        if (format == "posix")
        {
            Assert.Equal(789_000_000, found["dir/file"].Entry.ModifiedNanoseconds);
        }
    }

    [Fact]
    public void A_damaged_archive_never_gives_anything_but_a_content_exception()
    {
        byte[] tar = Write(
            Entry("dir", FileKind.Directory),
            Entry("dir/link", FileKind.Symlink) with { LinkTarget = new byte[200].Select(_ => (byte)'t').ToArray() },
            Entry("x", FileKind.Fifo) with { Xattrs = [new ExtendedAttribute("user.a", [0, 10, 255])] });
        Gen.Select(Gen.Int[0, tar.Length - 1], Gen.Byte, Gen.Int[0, tar.Length]).Sample((position, value, length) =>
        {
            byte[] damaged = tar[..length];
            if (position < length)
            {
                damaged[position] = value;
            }

            try
            {
                _ = Read(damaged).Count;
            }
            catch (ContentException)
            {
            }
        }, iter: 3000);
    }

    [Fact]
    public void An_endless_extension_header_is_refused()
    {
        byte[] header = Write(Entry("x", FileKind.Regular) with { UserId = 3_000_000_000 })[..512];
        "77777777777"u8.CopyTo(header.AsSpan(TarFormat.SizeOffset));
        Encoding.ASCII.GetBytes(Convert.ToString(TarFormat.Checksum(header), 8).PadLeft(6, '0'))
            .CopyTo(header, TarFormat.ChecksumOffset);
        ContentException failure = Assert.Throws<ContentException>(() => Read(header));
        Assert.Equal(ContentFailure.TooLarge, failure.Reason);
    }

    private static LayerEntry Entry(string path, FileKind kind) =>
        new() { Path = PathEncoding.Encode(path), Kind = kind, Mode = 0b110_100_100 };

    private static byte[] FileSystemPath(byte[] path)
    {
        byte[] clean = Builder.Executor.FileSystem.RootedPath.Clean(path);
        return clean.Length == 0 ? "x"u8.ToArray() : clean;
    }

    private static byte[] Write(params LayerEntry[] entries)
    {
        using var output = new MemoryStream();
        var writer = new LayerTarWriter(output);
        foreach (LayerEntry entry in entries)
        {
            writer.WriteEntry(entry);
        }

        writer.Finish();
        return output.ToArray();
    }

    private static List<LayerEntry> Read(byte[] tar)
    {
        var reader = new LayerTarReader(new MemoryStream(tar));
        var entries = new List<LayerEntry>();
        while (reader.Next() is { } entry)
        {
            entries.Add(entry);
        }

        return entries;
    }

    private static byte[] Content(LayerTarReader reader, LayerEntry entry)
    {
        byte[] content = new byte[entry.Size];
        foreach (SparseRegion region in reader.SparseRegions ?? [new SparseRegion(0, entry.HasContent ? entry.Size : 0)])
        {
            int done = 0;
            while (done < region.Length)
            {
                done += reader.ReadContent(content.AsSpan((int)region.Offset + done, (int)region.Length - done));
            }
        }

        return content;
    }

    private static void AssertSame(LayerEntry expected, LayerEntry found)
    {
        Assert.Equal(expected.Path, found.Path);
        Assert.Equal(expected.LinkTarget, found.LinkTarget);
        Assert.Equal(expected.Xattrs.Select(x => x.Name), found.Xattrs.Select(x => x.Name));
        Assert.Equal(expected.Xattrs.SelectMany(x => x.Value), found.Xattrs.SelectMany(x => x.Value));
        Assert.Equal(
            expected with { Path = [], LinkTarget = null, Xattrs = [] },
            found with { Path = [], LinkTarget = null, Xattrs = [] });
    }
}

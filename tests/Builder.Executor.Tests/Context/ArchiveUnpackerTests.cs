// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Context;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Context;

public sealed class ArchiveUnpackerTests : IDisposable
{
    private const string Prelude = """
        import tarfile, io, sys
        tar = tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT)
        def add(name, type=tarfile.REGTYPE, link='', text='', mode=0o644, uid=0, gid=0):
            info = tarfile.TarInfo(name); info.type = type; info.linkname = link; info.mode = mode
            info.uid = uid; info.gid = gid; info.mtime = 1485449953; info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))

        """;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("-cf")]
    [InlineData("-czf")]
    [InlineData("-cjf")]
    [InlineData("-cJf")]
    [InlineData("--zstd -cf")]
    [InlineData("--lzip -cf")]
    public void Archives_are_known_by_content_whatever_their_compression(string options)
    {
        string tool = options.Contains("lzip", StringComparison.Ordinal) ? "lzip" : options.Contains("zstd", StringComparison.Ordinal) ? "zstd" : "tar";
        Assert.SkipWhen(new Command("sh", "-c", $"command -v {tool}").Run().ExitCode != 0, $"{tool} is not installed");
        _directory.Write("in/d/f", "content");
        Command.Shell($"tar -C {_directory["in"]} --owner=5 --group=6 {options} {_directory["a"]} d").Succeeded();
        using (FileStream file = File.OpenRead(_directory["a"]))
        {
            Assert.True(ArchiveUnpacker.IsArchive(file));
        }

        ArchiveTree tree = Unpack("a");
        Assert.Equal("content", Read(tree, "d/f"));
        Assert.Equal((5u, 6u), (tree.Find("d/f")!.UserId, tree.Find("d/f")!.GroupId));
    }

    [Theory]
    [InlineData("")]
    [InlineData("FROM scratch\nCOPY a b\n")]
    [InlineData("BZh91AY&SY not really")]
    public void Other_files_are_no_archives(string text)
    {
        using FileStream file = File.OpenRead(_directory.Write("f", text));
        Assert.False(ArchiveUnpacker.IsArchive(file));
    }

    [Fact]
    public void Paths_and_links_stay_inside()
    {
        ArchiveTree tree = Make("""
            add('../../up', text='1')
            add('/absolute', text='2')
            add('out', tarfile.SYMTYPE, '/../../etc')
            add('out/passwd', text='3')
            add('.', tarfile.DIRTYPE, mode=0o700)
            """);
        Assert.Equal("1", Read(tree, "up"));
        Assert.Equal("2", Read(tree, "absolute"));
        Assert.Equal("3", Read(tree, "etc/passwd"));
        Assert.Equal("3", Read(tree, "out/passwd"));
        Assert.True(tree.IsImplied("etc"));
        Assert.Equal(0x1ED, tree.Find("")!.Mode);
        Assert.All(Directory.GetFiles(_directory["contents"]), file => Assert.Matches("^[0-9]+$", Path.GetFileName(file)));
    }

    [Fact]
    public void Later_members_replace_earlier_ones_and_whiteouts_are_plain_files()
    {
        ArchiveTree tree = Make("""
            add('d/x', text='old')
            add('d', text='file')
            add('e', text='file')
            add('e', tarfile.DIRTYPE, mode=0o711)
            add('e/.wh.gone', text='w')
            add('f', tarfile.DIRTYPE, mode=0o700)
            add('f/keep', text='k')
            add('f', tarfile.DIRTYPE, mode=0o750)
            """);
        Assert.Equal("file", Read(tree, "d"));
        Assert.Null(tree.Find("d/x"));
        Assert.Equal("w", Read(tree, "e/.wh.gone"));
        Assert.Equal(0x1E8, tree.Find("f")!.Mode);
        Assert.Equal("k", Read(tree, "f/keep"));
    }

    [Fact]
    public void Hard_links_share_content_and_key()
    {
        ArchiveTree tree = Make("""
            add('a', text='x')
            add('d/b', tarfile.LNKTYPE, 'a')
            add('s', tarfile.SYMTYPE, 'd')
            add('c', tarfile.LNKTYPE, 's/b')
            """);
        Assert.Equal("x", Read(tree, "c"));
        Assert.NotNull(tree.Find("a")!.HardLinkKey);
        Assert.Equal(tree.Find("a")!.HardLinkKey, tree.Find("c")!.HardLinkKey);
        Assert.Equal("c", tree.Find("c")!.Name);
    }

    [Theory]
    [InlineData("add('a', tarfile.LNKTYPE, 'missing')", "which is not there")]
    [InlineData("add('a', text='x')\nadd('a/b', text='y')", "is a file and a directory")]
    [InlineData("add('l', tarfile.SYMTYPE, 'l')\nadd('l/x', text='y')", "too many symbolic links")]
    public void Impossible_archives_are_refused(string members, string message)
    {
        Exception failure = Assert.ThrowsAny<Exception>(() => Make(members));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.IsAssignableFrom<Frontend.BuildException>(failure);
    }

    [Fact]
    public void A_cut_archive_is_damaged()
    {
        Command.Shell($"head -c 300000 /dev/urandom > {_directory["big"]}; tar -C {_directory.Path} -czf {_directory["a"]} big; truncate -s 100000 {_directory["a"]}").Succeeded();
        ContextException failure = Assert.Throws<ContextException>(() => Unpack("a"));
        Assert.Equal(ContextFailure.Invalid, failure.Reason);
    }

    private ArchiveTree Make(string members)
    {
        new Command("python3", "-c", Prelude + members + "\ntar.close()", _directory["a.tar"]).Run().Succeeded();
        return Unpack("a.tar");
    }

    private ArchiveTree Unpack(string name)
    {
        Directory.CreateDirectory(_directory["contents"]);
        return ArchiveUnpacker.Unpack(
            File.OpenRead(_directory[name]), name, _directory["contents"], null, TestContext.Current.CancellationToken);
    }

    private static string Read(ArchiveTree tree, string path)
    {
        using var reader = new StreamReader(tree.Open(path));
        return reader.ReadToEnd();
    }
}

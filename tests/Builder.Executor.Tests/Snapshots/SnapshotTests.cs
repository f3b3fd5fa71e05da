// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Executor.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Snapshots;

public sealed class SnapshotTests : IDisposable
{
    private const string Everything = """
        umask 022
        mkdir -p bin etc/deep var/empty 'sp ace'; printf one > bin/one; ln bin/one bin/two; ln -s ../bin/one etc/link
        chown 33:34 bin/one; chmod 4755 bin/one; printf x > etc/a; printf y > etc/a.txt; mkdir etc/a-dir; printf z > etc/a-dir/z
        mknod etc/null c 1 3; mkfifo etc/fifo; setfattr -n user.k -v 0x000aff etc/a; setcap cap_net_raw+ep bin/two
        printf '%s' "$(seq 1 100000)" > big; touch "$(printf 'bad\377name')"; chmod 0 etc/a-dir/z; chown -h 5:6 etc/link
        touch -d '2001-02-03 04:05:06.123456789 UTC' etc/a; touch -h -d '1960-01-01 UTC' etc/link; touch -d @1000 etc var
        """;

    private readonly StoreFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [RootFact]
    public void A_snapshot_gives_the_same_tar_again_and_the_tar_the_same_files()
    {
        LayerStack stack = _fixture.Push(LayerStack.Empty, Everything);
        DiffId layer = stack.Layers[0];
        byte[] tar = ReadAll(_fixture.Store.Blobs.Open(layer.Value));
        Assert.Equal(layer.Value, Digest.FromHash(SHA256.HashData(tar)));
        Assert.Equal(tar.Length, _fixture.Store.Blobs.FindSize(layer.Value));

        using var other = new StoreFixture();
        other.Store.Blobs.Put(tar);
        StoreFixture.Ensure(other.Store, stack);
        Assert.Equal(
            StoreFixture.Describe(_fixture.Store.Snapshots.Open(stack)),
            StoreFixture.Describe(other.Store.Snapshots.Open(stack)));
    }

    [RootFact]
    public void Gnu_tar_unpacks_a_layer_to_the_same_files()
    {
        LayerStack stack = _fixture.Push(LayerStack.Empty, Everything);
        File.WriteAllBytes(_fixture["layer.tar"], ReadAll(_fixture.Store.Blobs.Open(stack.Layers[0].Value)));
        Command.Shell($"""
            mkdir {_fixture["unpacked"]}
            tar --xattrs --xattrs-include='*' --numeric-owner -C {_fixture["unpacked"]} -xpf {_fixture["layer.tar"]}
            """).Succeeded();
        LayerStack again = _fixture.Push(LayerStack.Empty, $"tar --xattrs --xattrs-include='*' -C {_fixture["unpacked"]} -cf - . | tar --xattrs --xattrs-include='*' -xpf -");
        Assert.Equal(stack, again);
    }

    [RootFact]
    public void A_union_looks_like_an_overlay_mount()
    {
        LayerStack one = _fixture.Push(LayerStack.Empty, Everything + """

            mkdir -p keep/sub replaced opaque/x; printf 1 > keep/a; printf 2 > keep/sub/b; printf 3 > opaque/x/y; printf 4 > replaced/f
            """);
        LayerStack two = _fixture.Push(one, """
            mkdir -p keep opaque/n; mknod keep/a c 0 0; printf new > keep/c; setfattr -n trusted.overlay.opaque -v y opaque
            printf file > replaced; mkdir etc; mknod etc/a c 0 0; mknod big c 0 0; chmod 0711 keep
            """);
        LayerStack three = _fixture.Push(two, "mkdir -p keep/sub; printf back > keep/a; mkdir replaced; printf q > replaced/q; ln -s keep dirlink");
        IReadOnlyList<string> directories =
            StoreFixture.Ensure(_fixture.Store, three);
        string lower = string.Join(':', directories.Select(path => path + "/fs"));
        string mount = _fixture["mount"];
        Command.Shell($"mkdir {mount}; mount -t overlay overlay -o lowerdir={lower} {mount}").Succeeded();
        try
        {
            LayerStack copy = _fixture.Push(LayerStack.Empty, $"tar --xattrs --xattrs-include='*' -C {mount} -cf - . | tar --xattrs --xattrs-include='*' -xpf -");
            Assert.Equal(
                StoreFixture.Describe(_fixture.Store.Snapshots.Open(copy)),
                StoreFixture.Describe(_fixture.Store.Snapshots.Open(three)));
        }
        finally
        {
            Command.Shell($"umount {mount}").Succeeded();
        }

        MergedTree tree = _fixture.Store.Snapshots.Open(three);
        Assert.Equal("back", Read(tree, "dirlink/a"));
        Assert.Null(tree.Find("etc/a"));
        Assert.Equal("x", Read(tree, "dirlink/../keep/../etc/../etc/a.txt") == "y" ? "x" : "");
        Assert.NotNull(tree.Find("../../keep/c"));
    }

    [RootFact]
    public void Marks_that_hide_nothing_leave_no_trace()
    {
        LayerStack one = _fixture.Push(LayerStack.Empty, "mkdir d; printf 1 > d/there; touch -d @5 d");
        LayerStack plain = _fixture.Push(one, "mkdir d n; mknod d/there c 0 0; touch -d @7 d n .");
        LayerStack marked = _fixture.Push(one, """
            mkdir d n; mknod d/there c 0 0; mknod d/never c 0 0; setfattr -n trusted.overlay.opaque -v y n; touch -d @7 d n .
            """);
        Assert.Equal(plain, marked);
        LayerStack nothing = _fixture.Push(one, "mknod never c 0 0");
        Assert.Equal(one, nothing);
    }

    [RootFact]
    public void A_layer_that_leaves_its_parents_out_takes_them_from_below()
    {
        LayerStack one = _fixture.Push(LayerStack.Empty, "mkdir -p usr/lib secret; chmod 0700 secret; chown 7:8 secret; ln -s usr/lib lib");
        Command.Shell($"""
            mkdir -p {_fixture["t"]}/lib {_fixture["t"]}/secret; cd {_fixture["t"]}; printf 1 > lib/new; printf 2 > secret/s
            tar -cf {_fixture["l.tar"]} lib/new secret/s
            """).Succeeded();
        byte[] tar = File.ReadAllBytes(_fixture["l.tar"]);
        var layer = new DiffId(_fixture.Store.Blobs.Put(tar));
        LayerStack two = one.Push(layer);
        IReadOnlyList<string> directories =
            StoreFixture.Ensure(_fixture.Store, two);
        Assert.EndsWith(two.ChainId.Hex, directories[0], StringComparison.Ordinal);
        MergedTree tree = _fixture.Store.Snapshots.Open(two);
        Assert.Equal(FileKind.Symlink, tree.Find("lib")!.Kind);
        Assert.Equal("1", Read(tree, "usr/lib/new"));
        FileNode secret = tree.Find("secret")!;
        Assert.Equal((0b111_000_000, 7u, 8u), (secret.Mode, secret.UserId, secret.GroupId));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("xz")]
    [InlineData("bzip2")]
    public void A_compressed_layer_is_recognised_by_its_content(string tool)
    {
        Command.Shell($"mkdir {_fixture["t"]}; cd {_fixture["t"]}; seq 1 50000 > f; tar -cf ../l.tar f; {tool} -k ../l.tar").Succeeded();
        string compressed = Directory.GetFiles(Path.GetDirectoryName(_fixture["t"])!)
            .Single(path => Path.GetFileName(path).StartsWith("l.tar.", StringComparison.Ordinal));
        byte[] blob = File.ReadAllBytes(compressed);
        var layer = new DiffId(Digest.FromHash(SHA256.HashData(File.ReadAllBytes(_fixture["l.tar"]))));
        _fixture.Store.Layers.Add(layer, Describe(_fixture.Store.Blobs.Put(blob), blob.Length), verified: false);
        var stack = new LayerStack([layer]);
        StoreFixture.Ensure(_fixture.Store, stack);
        Assert.EndsWith("50000\n", Read(_fixture.Store.Snapshots.Open(stack), "f"), StringComparison.Ordinal);
        Assert.Single(_fixture.Store.Layers.Find(layer, verifiedOnly: true));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_blob_that_is_not_the_layer_is_refused_and_forgotten(bool damaged)
    {
        Command.Shell($"cd {Path.GetDirectoryName(_fixture["t"])}; seq 1 50000 > f; tar -czf l.tgz f").Succeeded();
        byte[] blob = File.ReadAllBytes(_fixture["l.tgz"]);
        blob = damaged ? blob[..(blob.Length / 2)] : blob;
        var layer = new DiffId(Digest.FromHash(System.Security.Cryptography.SHA256.HashData("another layer"u8)));
        _fixture.Store.Layers.Add(layer, Describe(_fixture.Store.Blobs.Put(blob), blob.Length), verified: false);
        ContentException failure = Assert.Throws<ContentException>(() => StoreFixture.Ensure(_fixture.Store, new LayerStack([layer])));
        Assert.Equal(damaged ? ContentFailure.Malformed : ContentFailure.DigestMismatch, failure.Reason);
        Assert.Empty(_fixture.Store.Layers.Find(layer, verifiedOnly: false));
        Assert.Empty(Directory.GetDirectories(Path.Combine(_fixture.Store.Root, "snapshots")));
    }

    [RootFact]
    public async Task Two_stores_on_one_directory_unpack_a_layer_once()
    {
        using Store other = Store.Open(_fixture.Store.Root);
        Command.Shell($"cd {Path.GetDirectoryName(_fixture["t"])}; seq 1 500000 > f; tar -cf l.tar f").Succeeded();
        var stack = new LayerStack([new DiffId(_fixture.Store.Blobs.Put(File.ReadAllBytes(_fixture["l.tar"])))]);
        IReadOnlyList<string>[] found = await Task.WhenAll(new[] { _fixture.Store, other }.SelectMany(store => Enumerable
            .Range(0, 4).Select(_ => store.Snapshots.EnsureAsync(stack, null, TestContext.Current.CancellationToken))));
        Assert.All(found, directories => Assert.Equal(found[0], directories));
    }

    private static Descriptor Describe(Digest digest, long size) =>
        new() { MediaType = MediaTypes.OciLayerGzip, Digest = digest, Size = size };

    private static string Read(MergedTree tree, string path)
    {
        using var reader = new StreamReader(tree.Open(path));
        return reader.ReadToEnd();
    }

    private static byte[] ReadAll(Stream stream)
    {
        using (stream)
        {
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            return copy.ToArray();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Layers;
using Builder.Executor.Tests.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver.Images;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Images;

public sealed class ImageArchiveTests : IDisposable
{
    private readonly StoreFixture _fixture = new();
    private readonly StoredImage _image;

    public ImageArchiveTests()
    {
        LayerStack one = _fixture.Push(LayerStack.Empty, "mkdir bin; seq 1 300000 > bin/numbers; ln bin/numbers bin/hard; ln -s numbers bin/soft");
        LayerStack two = _fixture.Push(one, "echo second > file");
        _image = _fixture.Commit(two, "mi-app:dev", "example.org:5000/team/app:1.0").Images[0];
    }

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(Compression.None)]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Zstd)]
    public void Skopeo_takes_an_oci_archive_and_its_image_id_is_ours(Compression compression)
    {
        Export("a.tar", new ExportOptions { Compression = new CompressionOptions(compression) });
        string inspected = new Command("skopeo", "inspect", "--raw", $"oci-archive:{_fixture["a.tar"]}:dev").Run().Succeeded().Output;
        Assert.Contains(_image.Id.ToString(), inspected, StringComparison.Ordinal);
        // docker's formats have no zstd
        string target = compression == Compression.Zstd ? "oci-archive" : "docker-archive";
        new Command("skopeo", "copy", "--insecure-policy", $"oci-archive:{_fixture["a.tar"]}:dev", $"{target}:{_fixture["d.tar"]}:back:1").Run().Succeeded();
        LoadedImage loaded = Load(_fixture["d.tar"], out StoreFixture other);
        using (other)
        {
            Assert.Equal(_image.Id, loaded.Image.Id);
            Assert.Equal("back", Assert.Single(loaded.Names).FamiliarName);
            AssertSameFiles(other);
        }
    }

    [RootFact]
    public void Umoci_unpacks_an_exported_layout()
    {
        string layout = _fixture["layout"];
        ExportDirectory(layout);
        Command.Shell($"umoci unpack --image {layout}:dev {_fixture["bundle"]}; cmp {_fixture["bundle"]}/rootfs/bin/hard {_fixture["bundle"]}/rootfs/bin/soft; grep second {_fixture["bundle"]}/rootfs/file").Succeeded();
    }

    [Fact]
    public void A_layout_keeps_its_other_images()
    {
        string layout = _fixture["layout"];
        ExportDirectory(layout, "x:1");
        ExportDirectory(layout, "y:2");
        ExportDirectory(layout, "x:1");
        Assert.Equal(2, Oci.Count(File.ReadAllText(Path.Combine(layout, "index.json")), "\"org.opencontainers.image.ref.name\""));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Skopeo_takes_an_archive_for_docker(bool dockerMediaTypes)
    {
        Export("d.tar", new ExportOptions { DockerArchive = true, DockerMediaTypes = dockerMediaTypes });
        string config = new Command("skopeo", "inspect", "--config", "--raw", $"docker-archive:{_fixture["d.tar"]}:mi-app:dev").Run().Succeeded().Output;
        Assert.Equal(System.Text.Encoding.UTF8.GetString(_fixture.Store.Images.ReadConfig(_image)), config.TrimEnd('\n'));
    }

    [Theory]
    [InlineData("cat")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("xz")]
    public void What_is_saved_is_loaded_with_the_same_names_and_digests(string tool)
    {
        ImmutableArray<ExportedImage> exported = Export("s.tar", new ExportOptions { DockerArchive = true, Compression = CompressionOptions.AsStored });
        Command.Shell($"{tool} < {_fixture["s.tar"]} > {_fixture["s.tar.z"]}").Succeeded();
        LoadedImage loaded = Load(_fixture["s.tar.z"], out StoreFixture other);
        using (other)
        {
            Assert.Equal(_image.Id, loaded.Image.Id);
            Assert.Equal(exported[0].Target.Digest, loaded.Image.Manifest.Digest);
            Assert.Equal(_image.Names, loaded.Names.OrderBy(name => name.ToString(), StringComparer.Ordinal));
            AssertSameFiles(other);
        }
    }

    [Fact]
    public void The_same_export_has_the_same_bytes_and_compresses_only_once()
    {
        Export("1.tar", new ExportOptions());
        Export("2.tar", new ExportOptions());
        Assert.Equal(File.ReadAllBytes(_fixture["1.tar"]), File.ReadAllBytes(_fixture["2.tar"]));
        Assert.Single(_fixture.Store.Layers.Find(_image.Config.RootFs.Layers[0], verifiedOnly: true));
    }

    [Fact]
    public void Parallel_gzip_is_read_by_gzip_and_independent_of_how_it_is_fed()
    {
        byte[] input = new byte[(5 * ParallelGzip.MemberBytes) + 12345];
        new Random(1).NextBytes(input.AsSpan(0, input.Length / 2));
        using var one = new MemoryStream();
        new ParallelGzip().Compress(new MemoryStream(input), one, CancellationToken.None);
        using var two = new MemoryStream();
        new ParallelGzip().Compress(new DribblingStream(input), two, CancellationToken.None);
        Assert.Equal(one.ToArray(), two.ToArray());
        File.WriteAllBytes(_fixture["g.gz"], one.ToArray());
        File.WriteAllBytes(_fixture["g"], input);
        Command.Shell($"gzip -dc {_fixture["g.gz"]} | cmp - {_fixture["g"]}").Succeeded();
        Stream back = LayerCompression.OpenRead(new MemoryStream(one.ToArray()));
        byte[] read = new byte[input.Length + 1];
        Assert.Equal(input.Length, back.ReadAtLeast(read, read.Length, throwOnEndOfStream: false));
        Assert.Equal(input, read[..input.Length]);
    }

    [RootFact]
    public void Podman_loads_and_lists_an_archive()
    {
        Export("d.tar", new ExportOptions { DockerArchive = true });
        string options = $"--root {_fixture["p"]} --runroot {_fixture["r"]} --storage-driver vfs";
        Command.Shell($"podman {options} load -i {_fixture["d.tar"]}").Succeeded();
        string id = Command.Shell($"podman {options} images --no-trunc -q mi-app:dev").Succeeded().Text;
        Assert.Equal(_image.Id.ToString(), id);
    }

    [Theory]
    [InlineData("not a tar")]
    [InlineData("")]
    public void What_is_no_archive_is_an_error(string content) => Assert.Throws<ContentException>(() => ImageLoader.Load(
        _fixture.Store, new MemoryStream(System.Text.Encoding.ASCII.GetBytes(content)), CancellationToken.None));

    [Fact]
    public void An_archive_cut_anywhere_registers_nothing()
    {
        Export("s.tar", new ExportOptions { DockerArchive = true });
        byte[] whole = File.ReadAllBytes(_fixture["s.tar"]);
        for (int length = 1000; length < whole.Length - 3000; length += whole.Length / 9)
        {
            using var other = new StoreFixture();
            Assert.Throws<ContentException>(() => ImageLoader.Load(
                other.Store, new MemoryStream(whole[..length]), CancellationToken.None));
            Assert.Empty(other.Store.Images.List());
        }
    }

    [Fact]
    public void A_blob_in_an_archive_that_is_not_what_its_name_says_is_refused()
    {
        Export("s.tar", new ExportOptions { DockerArchive = true, Compression = CompressionOptions.AsStored });
        byte[] whole = File.ReadAllBytes(_fixture["s.tar"]);
        int place = whole.AsSpan().IndexOf("299999\n"u8);
        whole[place] ^= 1;
        using var other = new StoreFixture();
        Assert.Equal(ContentFailure.DigestMismatch, Assert.Throws<ContentException>(() => ImageLoader.Load(
            other.Store, new MemoryStream(whole), CancellationToken.None)).Reason);
    }

    [RootFact]
    public void Files_are_exported_to_a_directory_and_a_tar()
    {
        var tree = _fixture.Store.Snapshots.Open(_image.Config.RootFs);
        FileSystemExporter.WriteDirectory(tree, _fixture["out"], CancellationToken.None);
        using (FileStream tar = File.Create(_fixture["out.tar"]))
        {
            FileSystemExporter.WriteTar(tree, tar, CancellationToken.None);
        }

        Command.Shell($"cd {_fixture["out"]}; test bin/hard -ef bin/numbers; tar -df {_fixture["out.tar"]}; test $(tar -tf {_fixture["out.tar"]} | wc -l) = 5").Succeeded();
    }

    private ImmutableArray<ExportGroup> Groups(params string[] names) =>
    [
        new ExportGroup(
            [ExportImage.From(_fixture.Store.Images, _image)],
            names.Length == 0 ? _image.Names : [.. names.Select(ImageReference.Parse)]),
    ];

    private ImmutableArray<ExportedImage> Export(string file, ExportOptions options) =>
        new ImageExporter(_fixture.Store, null)
            .WriteTarAsync(Groups(), _fixture[file], options, CancellationToken.None).GetAwaiter().GetResult();

    private void ExportDirectory(string layout, params string[] names) => new ImageExporter(_fixture.Store, null)
        .WriteDirectoryAsync(Groups(names), layout, new ExportOptions(), CancellationToken.None).GetAwaiter().GetResult();

    private static LoadedImage Load(string path, out StoreFixture into)
    {
        into = new StoreFixture();
        using FileStream file = File.OpenRead(path);
        return Assert.Single(ImageLoader.Load(into.Store, file, CancellationToken.None));
    }

    private void AssertSameFiles(StoreFixture other)
    {
        LayerStack stack = _image.Config.RootFs;
        other.Store.Snapshots.EnsureAsync(stack, null, CancellationToken.None).GetAwaiter().GetResult();
        Assert.Equal(
            StoreFixture.Describe(_fixture.Store.Snapshots.Open(stack)),
            StoreFixture.Describe(other.Store.Snapshots.Open(stack)));
    }

    private static class Oci
    {
        public static int Count(string text, string part) => text.Split(part).Length - 1;
    }

    private sealed class DribblingStream(byte[] content) : MemoryStream(content)
    {
        public override int Read(Span<byte> buffer)
        {
            byte[] little = new byte[Math.Min(buffer.Length, 777)];
            int count = base.Read(little, 0, little.Length);
            little.AsSpan(0, count).CopyTo(buffer);
            return count;
        }
    }
}

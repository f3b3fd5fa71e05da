// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Executor.Tests.Registry;
using Builder.Frontend.Naming;
using Builder.Solver.Ports;
using Builder.TestSupport;
using Builder.TestSupport.Registry;
using Xunit;

namespace Builder.Executor.Tests.Images;

/// <summary>Images between a store and a real registry.</summary>
public sealed class ImageTransferTests : IDisposable
{
    private static readonly Platform s_amd64 = new() { Os = "linux", Architecture = "amd64" };
    private static readonly Platform s_arm64 = new() { Os = "linux", Architecture = "arm64" };

    private readonly RegistryServer _server = new();
    private readonly TemporaryDirectory _directory = new();
    private readonly RegistryClient _client = new(RegistryTest.Options);
    private readonly ConcurrentQueue<TransferProgress> _progress = new();
    private readonly List<Store> _stores = [];

    public void Dispose()
    {
        _stores.ForEach(store => store.Dispose());
        _client.Dispose();
        _directory.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task Resolving_reads_no_layer_and_a_later_process_asks_nobody()
    {
        ImageSpecimen specimen = ImageSpecimen.Make(3, 1000);
        await specimen.PushAsync(Repository("base"), "v1");
        ResolvedImage resolved = await Source("a").ResolveAsync(Named("base", "v1"), s_amd64, PullPolicy.Missing, Token);
        Assert.Equal(specimen.ManifestDigest, resolved.ManifestDigest);
        Assert.Equal(specimen.DiffIds, resolved.Config.RootFs.Layers);
        Assert.Empty(_progress);

        await Repository("base").DeleteManifestAsync(specimen.ManifestDigest, Token);
        ImageSource later = Source("a");
        ResolvedImage again = await later.ResolveAsync(Named("base", "v1"), s_amd64, PullPolicy.Missing, Token);
        Assert.Equal(resolved.ManifestDigest, again.ManifestDigest);
        Assert.True(later.Layers.CanFetch(specimen.DiffIds[1]));
        Descriptor? layer = await later.Layers.FetchAsync(specimen.DiffIds[1], Token);
        Assert.Equal(ImageSpecimen.DigestOf(specimen.Layers[1]), layer!.Digest);
        await Assert.ThrowsAsync<RegistryException>(
            () => Source("a").ResolveAsync(Named("base", "v1"), s_amd64, PullPolicy.Always, Token));
        await Assert.ThrowsAsync<ContentException>(
            () => Source("b").ResolveAsync(Named("base", "v1"), s_amd64, PullPolicy.Never, Token));
    }

    [Fact]
    public async Task Always_takes_what_the_registry_means_now()
    {
        await ImageSpecimen.Make(1, 100).PushAsync(Repository("base"), "v1");
        await Source("a").ResolveAsync(Named("base", "v1"), s_amd64, PullPolicy.Missing, Token);
        ImageSpecimen newer = ImageSpecimen.Make(1, 100, seed: 50);
        await newer.PushAsync(Repository("base"), "v1");
        ResolvedImage missing = await Source("a").ResolveAsync(Named("base", "v1"), s_amd64, PullPolicy.Missing, Token);
        Assert.NotEqual(newer.ManifestDigest, missing.ManifestDigest);
        ResolvedImage always = await Source("a").ResolveAsync(Named("base", "v1"), s_amd64, PullPolicy.Always, Token);
        Assert.Equal(newer.ManifestDigest, always.ManifestDigest);
    }

    [Fact]
    public async Task Of_an_index_the_platform_is_taken_and_both_stay_known()
    {
        ImageSpecimen amd = ImageSpecimen.Make(1, 100);
        ImageSpecimen arm = ImageSpecimen.Make(1, 100, "arm64", seed: 9);
        Digest index = await ImageSpecimen.PushIndexAsync(Repository("base"), "v1", amd, arm);
        Assert.Equal(amd.ManifestDigest, (await ResolveAsync("a", "v1", s_amd64)).ManifestDigest);
        Assert.Equal(arm.ManifestDigest, (await ResolveAsync("a", "v1", s_arm64)).ManifestDigest);
        await Repository("base").DeleteManifestAsync(index, Token);
        Assert.Equal(amd.ManifestDigest, (await ResolveAsync("a", "v1", s_amd64)).ManifestDigest);
        Assert.Equal(arm.ManifestDigest, (await ResolveAsync("a", "v1", s_arm64)).ManifestDigest);

        await ImageSpecimen.PushIndexAsync(Repository("base"), "v2", amd, arm);
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(
            () => ResolveAsync("b", "v2", new Platform { Os = "linux", Architecture = "s390x" }));
        Assert.Equal(RegistryFailure.NoSuchPlatform, e.Reason);
        Assert.Contains("linux/amd64, linux/arm64", e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pull_brings_every_layer_and_a_second_one_nothing()
    {
        ImageSpecimen specimen = ImageSpecimen.Make(6, 200_000);
        await specimen.PushAsync(Repository("app"), "v1");
        Store store = Open("a");
        PulledImage pulled = await new ImagePuller(store, Source(store)).PullAsync(Name("app", "v1"), s_amd64, PullPolicy.Always, Token);
        Assert.False(pulled.IsUpToDate);
        Assert.Equal(specimen.ManifestDigest, pulled.Digest);
        Assert.All(specimen.Layers, layer => Assert.True(store.Blobs.IsFile(ImageSpecimen.DigestOf(layer))));
        Assert.Equal(6, _progress.Count(p => p.IsDone));
        Assert.Empty(Directory.GetFiles(Path.Combine(store.Root, "partial")));
        pulled = await new ImagePuller(store, Source(store)).PullAsync(Name("app", "v1"), s_amd64, PullPolicy.Always, Token);
        Assert.True(pulled.IsUpToDate);
    }

    [Fact]
    public async Task A_pull_that_was_interrupted_goes_on_in_the_next_process()
    {
        ImageSpecimen specimen = ImageSpecimen.Make(1, 2_000_000);
        await specimen.PushAsync(Repository("app"), "v1");
        using FaultProxy cutting = new(_server.Port, (request, _) =>
            request.Contains(ImageSpecimen.DigestOf(specimen.Layers[0]).Hex, StringComparison.Ordinal)
                ? new Fault.CutAnswer(500_000)
                : null);
        Store store = Open("a");
        using (RegistryClient hasty = new(RegistryTest.Options with { Retries = 0 }))
        {
            ImagePuller puller = new(store, new ImageSource(store, hasty, null));
            await Assert.ThrowsAsync<RegistryException>(
                () => puller.PullAsync(RegistryTest.Image(cutting.Authority, "app", "v1"), s_amd64, PullPolicy.Always, Token));
        }

        FileInfo partial = Assert.Single(new DirectoryInfo(Path.Combine(store.Root, "partial")).GetFiles());
        Assert.InRange(partial.Length, 1, 600_000);
        using FaultProxy watching = new(_server.Port, (_, _) => null);
        ImagePuller next = new(store, Source(store));
        await next.PullAsync(RegistryTest.Image(watching.Authority, "app", "v1"), s_amd64, PullPolicy.Always, Token);
        Assert.Contains(watching.Requests, head => head.Contains($"Range: bytes={partial.Length}-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Several_pulls_at_once_on_one_store_transfer_each_layer_once()
    {
        ImageSpecimen specimen = ImageSpecimen.Make(4, 500_000);
        await specimen.PushAsync(Repository("app"), "v1");
        using FaultProxy watching = new(_server.Port, (_, _) => null);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            Store store;
            lock (_stores)
            {
                store = Open("shared");
            }

            ImagePuller puller = new(store, Source(store));
            await puller.PullAsync(RegistryTest.Image(watching.Authority, "app", "v1"), s_amd64, PullPolicy.Always, Token);
        })));
        foreach (byte[] layer in specimen.Layers)
        {
            string request = $"GET /v2/app/blobs/{ImageSpecimen.DigestOf(layer)}";
            Assert.Single(watching.Requests, head => head.StartsWith(request, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_layer_that_the_registry_has_is_mounted_and_never_fetched()
    {
        ImageSpecimen specimen = ImageSpecimen.Make(2, 100_000);
        await specimen.PushAsync(Repository("base"), "v1");
        Store store = Open("a");
        ImageSource source = Source(store);
        await source.ResolveAsync(Named("base", "v1"), s_amd64, PullPolicy.Missing, Token);
        StoredImage image = store.Images.Find($"{_server.Address}/base:v1")!;
        PushedImage pushed = await new ImagePusher(store, _client, source).PushAsync(
            image.Manifest, Name("copy", "v2"), new PushOptions { Progress = _progress.Enqueue }, Token);
        Assert.Equal(specimen.ManifestDigest, pushed.Manifest.Digest);
        Assert.Equal(2, _progress.Count(p => p.Action == TransferAction.Mounted));
        Assert.DoesNotContain(specimen.Layers, layer => store.Blobs.IsFile(ImageSpecimen.DigestOf(layer)));
        Assert.True((await Repository("copy").HeadManifestAsync("v2", Token)) is not null);

        using RegistryServer other = new();
        ImageReference elsewhere = RegistryTest.Image(other.Address, "copy", "v2");
        await new ImagePusher(store, _client, source).PushAsync(image.Manifest, elsewhere, new PushOptions(), Token);
        new Command("skopeo", "copy", "-q", "--src-tls-verify=false", $"docker://{elsewhere}", $"oci:{_directory["out"]}:x")
            .Run().Succeeded();
    }

    [Fact]
    public async Task A_layer_of_an_image_that_lies_about_its_digest_is_refused()
    {
        ImageSpecimen specimen = ImageSpecimen.Make(1, 1000);
        await specimen.PushAsync(Repository("app"), "v1");
        using FaultProxy proxy = new(_server.Port, (request, _) =>
            request.StartsWith("GET", StringComparison.Ordinal)
            && request.Contains(ImageSpecimen.DigestOf(specimen.Layers[0]).Hex, StringComparison.Ordinal)
                ? new Fault.CorruptAnswer(300)
                : null);
        Store store = Open("a");
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(
            () => new ImagePuller(store, Source(store)).PullAsync(
                RegistryTest.Image(proxy.Authority, "app", "v1"), s_amd64, PullPolicy.Always, Token));
        Assert.Equal(RegistryFailure.ContentMismatch, e.Reason);
        Assert.False(store.Blobs.IsFile(ImageSpecimen.DigestOf(specimen.Layers[0])));
    }

    [Fact]
    public async Task A_layout_on_disk_gives_its_image_and_layers()
    {
        ImageSpecimen specimen = ImageSpecimen.Make(2, 1000);
        await specimen.PushAsync(Repository("app"), "v1");
        string layout = _directory["layout"];
        new Command(
            "skopeo", "copy", "-q", "--src-tls-verify=false", $"docker://{_server.Address}/app:v1", $"oci:{layout}:named")
            .Run().Succeeded();
        ImageSource source = Source("a");
        foreach (LayoutImage image in new[]
        {
            new LayoutImage(layout, null, null),
            new LayoutImage(layout, "named", null),
            new LayoutImage(layout, null, specimen.ManifestDigest),
        })
        {
            ResolvedImage resolved = await source.ResolveAsync(image, s_amd64, PullPolicy.Missing, Token);
            Assert.Equal(specimen.ManifestDigest, resolved.ManifestDigest);
        }

        Assert.NotNull(await source.Layers.FetchAsync(specimen.DiffIds[0], Token));
        ContentException e = await Assert.ThrowsAsync<ContentException>(
            () => source.ResolveAsync(new LayoutImage(layout, "other", null), s_amd64, PullPolicy.Missing, Token));
        Assert.Contains("named", e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Images_of_several_pushes_become_one_index()
    {
        ImageSpecimen amd = ImageSpecimen.Make(1, 50_000);
        ImageSpecimen arm = ImageSpecimen.Make(1, 50_000, "arm64", seed: 9);
        await amd.PushAsync(Repository("amd"), "v1");
        using RegistryServer other = new();
        await arm.PushAsync(_client.PushPlace(RegistryTest.Image(other.Address, "arm")), "v1");
        Store store = Open("a");
        IndexAssembler assembler = new(store, _client, Source(store));
        ImageReference[] sources = [Name("amd", "v1"), RegistryTest.Image(other.Address, "arm", "v1")];
        PushOptions options = new() { Progress = _progress.Enqueue };
        PushedImage pushed = await assembler.PushAsync(Name("app", "v1"), sources, options, Token);
        Assert.Equal(2, _progress.Count(p => p.Action == TransferAction.Mounted));
        (Descriptor descriptor, _) = await assembler.InspectAsync(Name("app", "v1"), Token);
        Assert.Equal(pushed.Manifest.Digest, descriptor.Digest);

        // Once more, from the index itself and a newer image for one of its platforms.
        ImageSpecimen newer = ImageSpecimen.Make(1, 50_000, "arm64", seed: 19);
        await newer.PushAsync(Repository("arm"), "v2");
        await assembler.PushAsync(Name("app", "v2"), [Name("app", "v1"), Name("arm", "v2")], new PushOptions(), Token);
        foreach ((Platform platform, ImageSpecimen specimen) in new[] { (s_amd64, amd), (s_arm64, newer) })
        {
            ResolvedImage image = await Source("b").ResolveAsync(Named("app", "v2"), platform, PullPolicy.Always, Token);
            Assert.Equal(specimen.ManifestDigest, image.ManifestDigest);
        }

        new Command(
            "skopeo", "copy", "-q", "--all", "--src-tls-verify=false", $"docker://{_server.Address}/app:v2",
            $"oci:{_directory["out"]}:x").Run().Succeeded();
    }

    [Theory]
    [InlineData("application/vnd.docker.distribution.manifest.v1+prettyjws", """{"schemaVersion":1,"name":"x","fsLayers":[]}""", RegistryFailure.Unsupported)]
    [InlineData("application/vnd.oci.image.manifest.v1+json", """{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}""", RegistryFailure.InvalidResponse)]
    [InlineData("application/vnd.oci.image.index.v1+json", """{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[],"config":{}}""", RegistryFailure.InvalidResponse)]
    [InlineData("application/vnd.oci.image.manifest.v1+json", """{"schemaVersion":2,"layers":[],"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}}""", RegistryFailure.Unsupported)]
    [InlineData("application/json", "[]", RegistryFailure.InvalidResponse)]
    [InlineData("application/json", "<html>", RegistryFailure.InvalidResponse)]
    public async Task What_is_no_image_is_refused_with_a_reason(string type, string body, RegistryFailure reason)
    {
        using HttpStub stub = new(context => HttpStub.Reply(context, 200, body, type));
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(() => Source("a").ResolveAsync(
            new NamedImage(RegistryTest.Image(stub.Authority, "x")), s_amd64, PullPolicy.Missing, Token));
        Assert.Equal(reason, e.Reason);
    }

    private static CancellationToken Token => RegistryTest.Token;

    private Task<ResolvedImage> ResolveAsync(string store, string tag, Platform platform) =>
        Source(store).ResolveAsync(Named("base", tag), platform, PullPolicy.Missing, Token);

    private ImageReference Name(string repository, string tag) => RegistryTest.Image(_server.Address, repository, tag);

    private NamedImage Named(string repository, string tag) => new(Name(repository, tag));

    private RegistryRepository Repository(string name) => _client.PushPlace(RegistryTest.Image(_server.Address, name));

    private Store Open(string name)
    {
        Store store = Store.Open(_directory[name]);
        _stores.Add(store);
        return store;
    }

    private ImageSource Source(string store) => Source(Open(store));

    private ImageSource Source(Store store) => new(store, _client, _progress.Enqueue);
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Registry;
using Builder.Executor.RemoteCache;
using Builder.Executor.Snapshots;
using Builder.Executor.Tests.Registry;
using Builder.Frontend.Naming;
using Builder.Solver;
using Builder.Solver.Caching;
using Builder.Solver.Images;
using Builder.TestSupport;
using Builder.TestSupport.Registry;
using Microsoft.Extensions.Caching.Distributed;
using Xunit;

namespace Builder.Executor.Tests.RemoteCache;

/// <summary>Step results between two machines, played by two stores, through real servers.</summary>
public sealed class SharedStepCacheTests : IDisposable
{
    private static readonly DistributedCacheEntryOptions s_keep = new();
    private static readonly Platform s_platform = new() { Os = "linux", Architecture = "amd64" };

    private readonly RegistryServer _server = new();
    private readonly TemporaryDirectory _directory = new();
    private readonly RegistryClient _client = new(RegistryTest.Options);
    private readonly List<IDisposable> _open = [];

    public void Dispose()
    {
        _open.ForEach(item => item.Dispose());
        _client.Dispose();
        _directory.Dispose();
        _server.Dispose();
    }

    private static CancellationToken Token => RegistryTest.Token;

    [RootFact]
    public async Task Records_travel_by_a_registry_and_layers_only_when_their_files_are_needed()
    {
        Machine first = Open("first");
        DiffId one = first.Build("step-1", "one");
        DiffId two = first.Build("step-2", "two");
        first.Save("digest-7", [.. Enumerable.Repeat((byte)7, 32)]);
        CacheSpec to = CacheSpec.Parse($"type=registry,ref={_server.Address}/cache:main,mode=max", isExport: true);
        await first.Cache.ExportAsync([to], [ImageOf(two)], [], null, Token);
        Assert.Empty(first.Warnings);

        Machine second = Open("second");
        await second.Cache.ImportAsync([CacheSpec.Parse($"{_server.Address}/cache:main", isExport: false)], Token);
        Assert.Equal(one, await second.FindLayerAsync("step-1"));
        Assert.Equal(two, await second.FindLayerAsync("step-2"));
        Assert.Equal(32, (await second.Cache.GetAsync("digest-7", Token))!.Length);
        Assert.Null(await second.Cache.GetAsync("step-3", Token));
        Assert.True(second.Images.Layers.CanFetch(one));
        Assert.Empty(second.Progress);

        // The whole image is known, and goes to another repository of the registry without passing here.
        CommittedImage image = await second.Store.Images.CommitAsync(
            [new PlatformImage(s_platform, ImageOf(one, two))], [RegistryTest.Image(_server.Address, "app", "v1")],
            second.Images.Layers, fetchesLayers: false, ImageAnnotations.None, Token);
        await new ImagePusher(second.Store, _client, second.Images).PushAsync(
            image.Target, RegistryTest.Image(_server.Address, "app", "v1"),
            new PushOptions { Progress = second.Progress.Enqueue }, Token);
        Assert.Equal(2, second.Progress.Count(p => p.Action == TransferAction.Mounted));
        Assert.DoesNotContain(second.Progress, p => p.Action == TransferAction.Download);
        new Command("skopeo", "copy", "-q", "--src-tls-verify=false", $"docker://{_server.Address}/app:v1",
            $"oci:{_directory["out"]}:x").Run().Succeeded();

        // And a third process of the second machine finds the layers by the image's name in the registry.
        Machine third = Open("second");
        await third.Store.Snapshots.EnsureAsync(new LayerStack([one, two]), third.Images.Layers, Token);
        Assert.Equal("one", File.ReadAllText(Path.Combine(
            third.Store.Snapshots.FindDirectory(new LayerStack([one]), 0)!, "fs", "name")));
    }

    [RootFact]
    public async Task Min_keeps_the_steps_of_the_image_and_max_all()
    {
        Machine first = Open("first");
        first.Build("step-1", "one");
        DiffId two = first.Build("step-2", "two");
        foreach ((string mode, int expected) in new[] { ("min", 1), ("max", 2) })
        {
            await first.Cache.ExportAsync(
                [CacheSpec.Parse($"type=local,dest={_directory[mode]},mode={mode}", isExport: true)], [ImageOf(two)], [], null, Token);
            Machine other = Open("other-" + mode);
            await other.Cache.ImportAsync([CacheSpec.Parse($"type=local,src={_directory[mode]}", isExport: false)], Token);
            DiffId?[] found = [await other.FindLayerAsync("step-1"), await other.FindLayerAsync("step-2")];
            Assert.Equal(expected, found.Count(layer => layer is not null));
            Assert.NotNull(await other.Images.Layers.FetchAsync(two, Token));
        }

        await first.Cache.ExportAsync(
            [CacheSpec.Parse($"type=local,dest={_directory["max"]},mode=min", isExport: true)], [ImageOf(two)], [], null, Token);
        Assert.Equal(4, Directory.GetFiles(_directory["max/blobs/sha256"]).Length);
    }

    [RootFact]
    public async Task An_image_carries_its_own_cache()
    {
        Machine first = Open("first");
        DiffId one = first.Build("step-1", "one");
        CommittedImage image = await first.Store.Images.CommitAsync(
            [new PlatformImage(s_platform, ImageOf(one))], [], null, Token);
        PushOptions options = new() { Annotations = first.Cache.InlineAnnotations([ImageOf(one)]) };
        await new ImagePusher(first.Store, _client, first.Images).PushAsync(
            image.Target, RegistryTest.Image(_server.Address, "app", "v1"), options, Token);

        Machine second = Open("second");
        await second.Cache.ImportAsync([CacheSpec.Parse($"{_server.Address}/app:v1", isExport: false)], Token);
        Assert.Equal(one, await second.FindLayerAsync("step-1"));
        Assert.NotNull(await second.Images.Layers.FetchAsync(one, Token));
        Assert.Empty(second.Warnings);
    }

    [RootFact]
    public async Task Redis_keeps_records_and_a_registry_the_layers()
    {
        using RedisServer redis = new("geheim");
        string spec = $"type=redis,url=redis://:geheim@127.0.0.1:{redis.Port},layers={_server.Address}/layers,mode=max";
        Machine first = Open("first");
        DiffId one = first.Build("step-1", "one");
        await first.Cache.ExportAsync([CacheSpec.Parse(spec, isExport: true)], [], [], null, Token);
        Assert.Empty(first.Warnings);

        Machine second = Open("second");
        await second.Cache.ImportAsync([CacheSpec.Parse(spec, isExport: false)], Token);
        Assert.Equal(one, await second.FindLayerAsync("step-1"));
        Assert.NotNull(await second.Images.Layers.FetchAsync(one, Token));
        redis.Stop();
        Assert.Null(await second.FindLayerAsync("step-9"));
        Assert.Null(await second.FindLayerAsync("step-10"));
        string warning = Assert.Single(second.Warnings);
        Assert.DoesNotContain("geheim", warning, StringComparison.Ordinal);

        Machine strict = Open("strict");
        await strict.Cache.ImportAsync([CacheSpec.Parse(spec + ",ignore-error=false", isExport: false)], Token);
        await Assert.ThrowsAsync<RegistryException>(() => strict.Cache.GetAsync("step-1", Token));
    }

    [RootFact]
    public async Task A_cache_that_is_missing_is_no_news_and_one_that_fails_is_a_warning()
    {
        ImageSpecimen ordinary = ImageSpecimen.Make(1, 100);
        await ordinary.PushAsync(_client.PushPlace(RegistryTest.Image(_server.Address, "app")), "v1");
        Machine machine = Open("first");
        await machine.Cache.ImportAsync(
            [
                CacheSpec.Parse($"{_server.Address}/nothing:here", isExport: false),
                CacheSpec.Parse($"type=local,src={_directory["nothing"]}", isExport: false),
            ], Token);
        Assert.Empty(machine.Warnings);
        int port = RegistryServer.FreePort();
        await machine.Cache.ImportAsync(
            [
                CacheSpec.Parse($"{_server.Address}/app:v1", isExport: false),
                CacheSpec.Parse($"127.0.0.1:{port}/cache", isExport: false),
            ], Token);
        Assert.Equal(2, machine.Warnings.Count);
        await Assert.ThrowsAsync<RegistryException>(() => machine.Cache.ImportAsync(
            [CacheSpec.Parse($"type=registry,ref=127.0.0.1:{port}/cache,ignore-error=false", isExport: false)], Token));
    }

    [RootFact]
    public async Task A_local_record_without_its_layer_gives_way_to_a_remote_one()
    {
        Machine first = Open("first");
        DiffId one = first.Build("step-1", "one");
        CacheSpec to = CacheSpec.Parse($"type=registry,ref={_server.Address}/cache:main", isExport: true);
        await first.Cache.ExportAsync([to], [ImageOf(one)], [], null, Token);

        Machine second = Open("second");
        second.Save("step-1", new StepRecord(
            new DiffId(RegistryTest.Blob(9).Digest), 1, DateTimeOffset.UnixEpoch, []).Encode());
        await second.Cache.ImportAsync([CacheSpec.Parse($"{_server.Address}/cache:main", isExport: false)], Token);
        Assert.Equal(one, await second.FindLayerAsync("step-1"));
    }

    [Theory]
    [InlineData("type=registry")]
    [InlineData("type=what,ref=x")]
    [InlineData("type=registry,ref=x,mode=middle")]
    [InlineData("type=registry,ref=x,colour=blue")]
    [InlineData("type=registry,ref=x,ref=y")]
    [InlineData("type=local,src=")]
    [InlineData("type=inline")]
    [InlineData("type=registry,ref=x/UPPER")]
    [InlineData("type=registry,ref=x,bucket=b")]
    [InlineData("type=registry,ref=x,mounts=yes")]
    [InlineData("type=s3")]
    [InlineData("type=s3,bucket=b,endpoint_url=host:9000")]
    [InlineData("type=s3,bucket=b,access_key_id=a")]
    [InlineData("type=s3,bucket=b,session_token=a")]
    [InlineData("type=s3,bucket=b,name=;")]
    [InlineData("type=s3,bucket=b,upload_parallelism=0")]
    [InlineData("type=redis,url=a,layers=b,prefix=p")]
    public void Wrong_options_are_refused(string text) =>
        Assert.Throws<SolveException>(() => CacheSpec.Parse(text, isExport: false));

    [Fact]
    public void The_contents_of_mounts_have_no_place_in_an_image() =>
        Assert.Throws<SolveException>(() => CacheSpec.Parse("type=inline,mounts=true", isExport: true));

    [Fact]
    public void No_secret_is_in_a_message()
    {
        SolveException wrong = Assert.Throws<SolveException>(() => CacheSpec.Parse(
            "type=s3,bucket=b,access_key_id=id,secret_access_key=geheim,session_token=auch,mode=odd", isExport: true));
        Assert.DoesNotContain("geheim", wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("auch", wrong.Message, StringComparison.Ordinal);
        Assert.Equal(
            "cache in s3://b/p/",
            CacheSpec.Parse("type=s3,bucket=b,prefix=p/,access_key_id=id,secret_access_key=geheim", isExport: true).ToString());
    }

    [Fact]
    public void A_field_with_a_comma_stands_in_quotes() => Assert.Equal(
        "host:1,password=x",
        CacheSpec.Parse("type=redis,\"url=host:1,password=x\",layers=reg/l", isExport: true).Server);

    private static ImageConfig ImageOf(params DiffId[] layers) =>
        new() { Platform = s_platform, RootFs = new LayerStack([.. layers]) };

    private Machine Open(string name)
    {
        Machine machine = new(_directory[name], _client);
        _open.Add(machine);
        return machine;
    }

    private sealed class Machine : IDisposable
    {
        public Machine(string path, RegistryClient registries)
        {
            Store = Store.Open(path);
            Images = new ImageSource(Store, registries, Progress.Enqueue);
            Cache = new SharedStepCache(
                new CacheDirectory(Store, TimeProvider.System), Store, registries, Images, Warnings.Enqueue);
        }

        public Store Store { get; }

        public ImageSource Images { get; }

        public SharedStepCache Cache { get; }

        public ConcurrentQueue<TransferProgress> Progress { get; } = new();

        public ConcurrentQueue<string> Warnings { get; } = new();

        public DiffId Build(string key, string content)
        {
            using LayerDraft draft = Store.Snapshots.BeginLayer();
            File.WriteAllText(Path.Combine(draft.FilesPath, "name"), content);
            LayerDigest digest = draft.Digest(null, null, CancellationToken.None)!.Value;
            draft.Commit(digest);
            ImmutableArray<KeyInput> inputs = [new KeyInput("command", content)];
            Save(key, new StepRecord(digest.DiffId, content.Length, DateTimeOffset.UnixEpoch, inputs).Encode());
            return digest.DiffId;
        }

        public void Save(string key, byte[] value) => Cache.Set(key, value, s_keep);

        public async Task<DiffId?> FindLayerAsync(string key) =>
            await Cache.GetAsync(key, Token) is { } record ? StepRecord.TryDecode(record, withInputs: true)?.Layer : null;

        public void Dispose()
        {
            Cache.Dispose();
            Store.Dispose();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Executor.Tests.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Images;
using Microsoft.Extensions.Caching.Distributed;
using Xunit;

namespace Builder.Executor.Tests.Images;

public sealed class ImageStoreTests : IDisposable
{
    private readonly StoreFixture _fixture = new();

    private ImageStore Images => _fixture.Store.Images;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void An_image_is_found_by_name_id_prefix_and_digest()
    {
        CommittedImage committed = _fixture.Commit(_fixture.Push(LayerStack.Empty, "echo 1 > f"), "mi-app:dev", "mi-app:two");
        StoredImage image = committed.Images[0];
        Assert.Equal(["mi-app:dev", "mi-app:two"], image.Names.Select(name => $"{name.FamiliarName}:{name.Tag}"));
        foreach (string text in (string[])
            ["mi-app:dev", "docker.io/library/mi-app:two", image.Id.ToString(), image.Id.Hex[..12], image.Id.Hex[..3],
                image.Manifest.Digest.ToString(), $"mi-app@{image.Manifest.Digest}"])
        {
            Assert.Equal(image.Id, Images.Find(text)?.Id);
        }

        Assert.Null(Images.Find("mi-app"));
        Assert.Null(Images.Find("other:dev"));
        Assert.Null(Images.Find("mi-app:dev", new Platform { Os = "linux", Architecture = "s390x" }));
    }

    [Fact]
    public void The_config_survives_being_written_and_read()
    {
        StoredImage image = _fixture.Commit(_fixture.Push(LayerStack.Empty, "echo 1 > f"), "x").Images[0];
        ImageConfig again = ImageConfigJson.Parse(Images.ReadConfig(image));
        Assert.Equal(ImageConfigJson.Serialize(image.Config), ImageConfigJson.Serialize(again));
        Assert.Equal("QUOTED=\"<&>é\"", again.Env[1]);
        Assert.Equal(image.Id, Digest.FromHash(System.Security.Cryptography.SHA256.HashData(ImageConfigJson.Serialize(again))));
    }

    [Fact]
    public void A_name_moves_and_leaves_the_former_image_without()
    {
        StoredImage first = _fixture.Commit(_fixture.Push(LayerStack.Empty, "echo 1 > f"), "x").Images[0];
        StoredImage second = _fixture.Commit(_fixture.Push(LayerStack.Empty, "echo 2 > f"), "x").Images[0];
        Assert.Equal(second.Id, Images.Find("x")!.Id);
        Assert.Equal(2, Images.List().Count);
        Assert.Empty(Images.Find(first.Id.Hex)!.Names);
    }

    [Fact]
    public void Removing_one_of_two_names_only_untags()
    {
        StoredImage image = _fixture.Commit(_fixture.Push(LayerStack.Empty, "echo 1 > f"), "x:1", "x:2").Images[0];
        Assert.Equal([new RemovedItem(false, "x:1")], Images.Remove("x:1", false, _ => "container c"));
        Assert.NotNull(Images.Find("x:2"));
        Assert.Equal(ContentFailure.InUse, Assert.Throws<ContentException>(
            () => Images.Remove("x:2", false, _ => "container c")).Reason);
        IReadOnlyList<RemovedItem> removed = Images.Remove("x:2", false, _ => null);
        Assert.Equal(
            [new RemovedItem(false, "x:2"), new RemovedItem(true, image.Id.ToString()),
                new RemovedItem(true, image.Config.RootFs.Layers[0].ToString())],
            removed);
        Assert.Empty(Images.List());
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_fixture.Store.Root, "snapshots")));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_fixture.Store.Root, "blobs", "sha256")));
    }

    [Fact]
    public void An_id_with_several_names_must_be_forced()
    {
        StoredImage image = _fixture.Commit(_fixture.Push(LayerStack.Empty, "echo 1 > f"), "x:1", "y:2").Images[0];
        ContentException failure = Assert.Throws<ContentException>(() => Images.Remove(image.Id.Hex[..12], false, _ => null));
        Assert.Contains("x:1, y:2", failure.Message, StringComparison.Ordinal);
        Assert.Equal(4, Images.Remove(image.Id.Hex[..12], true, _ => "container c").Count);
    }

    [Fact]
    public void A_collection_keeps_what_images_records_and_containers_mention()
    {
        LayerStack shared = _fixture.Push(LayerStack.Empty, "echo shared > s");
        LayerStack kept = _fixture.Push(shared, "echo kept > k");
        LayerStack recorded = _fixture.Push(LayerStack.Empty, "echo recorded > r");
        LayerStack held = _fixture.Push(LayerStack.Empty, "echo held > h");
        LayerStack lost = _fixture.Push(shared, "echo lost > l");
        _fixture.Commit(kept, "kept");
        new CacheDirectory(_fixture.Store, TimeProvider.System).Set(
            $"{StepRecord.KeyPrefix}{new string('a', 64)}",
            new StepRecord(recorded.Layers[0], 1, DateTimeOffset.UnixEpoch, []).Encode(),
            new DistributedCacheEntryOptions());
        Directory.CreateDirectory(Path.Combine(_fixture.Store.ContainersPath, "c1"));
        File.WriteAllText(Path.Combine(_fixture.Store.ContainersPath, "c1", "state.json"), held.Layers[0].Value.Hex);

        using (Store other = Store.Open(_fixture.Store.Root))
        using (other.Use())
        {
            Assert.Empty(new GarbageCollector(_fixture.Store).TryCollect());
            Assert.True(other.WantsCollection);
        }

        var collector = new GarbageCollector(_fixture.Store);
        Assert.Equal([lost.Layers[1].Value], collector.TryCollect());
        Assert.True(collector.FreedBytes > 0);
        Assert.False(_fixture.Store.WantsCollection);
        foreach (DiffId layer in (DiffId[])[.. kept.Layers, recorded.Layers[0], held.Layers[0]])
        {
            Assert.True(_fixture.Store.Snapshots.HasSnapshot(layer));
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("""{"architecture":"amd64","rootfs":{"diff_ids":["sha256:xyz"]}}""")]
    [InlineData("""{"architecture":"amd64","config":{"Env":[1]}}""")]
    public void A_config_that_is_none_is_an_error(string json) => Assert.Throws<ContentException>(
        () => ImageConfigJson.Parse(System.Text.Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Configs_of_other_builders_are_read()
    {
        ImageConfig config = ImageConfigJson.Parse("""
            {"created":"2024-05-06T07:08:09.123456789Z","architecture":"arm64","variant":"v8","os":"linux","docker_version":"20",
             "config":{"Env":null,"Cmd":"/bin/sh","Entrypoint":[],"Labels":null,"ExposedPorts":{"80/tcp":{}},"Volumes":{"/d":{}},
              "Healthcheck":{"Test":["CMD","x"],"Interval":5000000000,"Retries":3},"OnBuild":["RUN x"]},
             "rootfs":{"type":"layers","diff_ids":[]},"history":[{"created":"","created_by":"x","empty_layer":true}]}
            """u8);
        Assert.Equal(new DateTimeOffset(2024, 5, 6, 7, 8, 9, TimeSpan.Zero).AddTicks(1234567), config.Created);
        Assert.Equal(["/bin/sh"], config.Cmd!.Value);
        Assert.Empty(config.Entrypoint!.Value);
        Assert.Equal(TimeSpan.FromSeconds(5), config.HealthCheck!.Interval);
        Assert.True(config.History[0].EmptyLayer);
        Assert.Null(config.History[0].Created);
    }
}

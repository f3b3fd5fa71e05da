// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Registry;

/// <summary>Against a real registry.</summary>
public sealed class RegistryClientTests : IDisposable
{
    private const string ManifestType = "application/vnd.oci.image.manifest.v1+json";

    private readonly RegistryServer _server = new();
    private readonly RegistryClient _client = new(RegistryTest.Options);

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100_000)]
    [InlineData(20 * 1024 * 1024)]
    public async Task A_pushed_blob_comes_back_with_the_same_bytes(int length)
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(length);
        RegistryRepository repository = Repository("a/b");
        Assert.Equal(UploadOutcome.Uploaded, await RegistryTest.PushAsync(repository, bytes));
        Assert.Equal(UploadOutcome.Present, await RegistryTest.PushAsync(repository, bytes));
        Assert.Equal(bytes, await RegistryTest.PullAsync(repository, digest, length));
    }

    [Fact]
    public async Task A_partial_file_of_an_earlier_attempt_is_completed_by_range()
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(1_000_000);
        RegistryRepository repository = Repository("a/b");
        await RegistryTest.PushAsync(repository, bytes);
        Assert.Equal(bytes, await RegistryTest.PullAsync(repository, digest, bytes.Length, bytes[..700_000]));
    }

    [Fact]
    public async Task A_partial_file_with_wrong_bytes_is_started_again()
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(1_000_000);
        RegistryRepository repository = Repository("a/b");
        await RegistryTest.PushAsync(repository, bytes);
        Assert.Equal(bytes, await RegistryTest.PullAsync(repository, digest, bytes.Length, new byte[700_000]));
        Assert.Equal(bytes, await RegistryTest.PullAsync(repository, digest, bytes.Length, new byte[bytes.Length]));
        Assert.Equal(bytes, await RegistryTest.PullAsync(repository, digest, bytes.Length, new byte[bytes.Length + 9]));
    }

    [Fact]
    public async Task A_blob_is_mounted_from_another_repository_without_being_sent()
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(50_000);
        await RegistryTest.PushAsync(Repository("base"), bytes);
        Assert.Equal(UploadOutcome.Mounted, await RegistryTest.PushAsync(Repository("app"), bytes, "nothing/here", "base"));
        Assert.Equal(bytes, await RegistryTest.PullAsync(Repository("app"), digest, bytes.Length));
    }

    [Fact]
    public async Task Manifests_are_pushed_by_tag_and_found_by_tag_and_digest()
    {
        RegistryRepository repository = Repository("app");
        (byte[] config, Digest configDigest) = RegistryTest.Blob(100);
        await RegistryTest.PushAsync(repository, config);
        byte[] manifest = RegistryTest.Manifest(configDigest, config.Length);
        await repository.PutManifestAsync("v1", ManifestType, manifest, RegistryTest.Token);

        FetchedManifest byTag = await repository.GetManifestAsync("v1", RegistryTest.Token);
        Assert.Equal(ManifestType, byTag.MediaType);
        Assert.Equal(manifest, byTag.Bytes.ToArray());
        FetchedManifest byDigest = await repository.GetManifestAsync(byTag.Digest.ToString(), RegistryTest.Token);
        Assert.Equal(byTag.Digest, byDigest.Digest);
        ManifestHead? head = await repository.HeadManifestAsync("v1", RegistryTest.Token);
        Assert.Equal((byTag.Digest, manifest.Length), (head!.Digest!.Value, (int)head.SizeBytes));
        Assert.Equal(["v1"], await repository.ListTagsAsync(RegistryTest.Token));

        Assert.True(await repository.DeleteManifestAsync(byTag.Digest, RegistryTest.Token));
        Assert.Null(await repository.HeadManifestAsync(byTag.Digest.ToString(), RegistryTest.Token));
        Assert.False(await repository.DeleteManifestAsync(byTag.Digest, RegistryTest.Token));
    }

    [Fact]
    public async Task Tags_are_listed_page_by_page()
    {
        using Builder.TestSupport.Registry.HttpStub stub = new(context =>
        {
            bool isSecond = context.Request.RawUrl!.Contains("last=", StringComparison.Ordinal);
            if (isSecond)
            {
                TestSupport.Registry.HttpStub.Reply(context, 200, """{"name":"app","tags":["c"]}""");
                return;
            }

            TestSupport.Registry.HttpStub.Reply(
                context, 200, """{"name":"app","tags":["a","b"]}""", "application/json",
                ("Link", "</v2/app/tags/list?last=b&n=2>; rel=\"next\""));
        });
        RegistryRepository repository = _client.PushPlace(RegistryTest.Image(stub.Authority, "app"));
        Assert.Equal(["a", "b", "c"], await repository.ListTagsAsync(RegistryTest.Token));
    }

    [Fact]
    public async Task A_missing_tag_names_the_image_and_what_to_check()
    {
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(
            () => Repository("library/nope").GetManifestAsync("1.0", RegistryTest.Token));
        Assert.True(e.IsNotFound);
        Assert.Contains($"pull {_server.Address}/library/nope:1.0", e.Message, StringComparison.Ordinal);
        Assert.NotNull(e.Hint);
        Assert.NotEmpty(e.Errors);
    }

    [Fact]
    public async Task A_registry_that_does_not_listen_is_reported_at_once()
    {
        int port = RegistryServer.FreePort();
        RegistryRepository repository = _client.PushPlace(RegistryTest.Image($"127.0.0.1:{port}", "app"));
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(
            () => repository.GetManifestAsync("latest", RegistryTest.Token));
        Assert.Equal(RegistryFailure.Unreachable, e.Reason);
        Assert.Contains($"registry 127.0.0.1:{port} is unreachable: connection refused", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_skopeo_copied_is_readable_and_what_was_pushed_is_readable_by_skopeo()
    {
        RegistryRepository repository = Repository("app");
        (byte[] config, Digest configDigest) = (
            """{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{}}"""u8.ToArray(), default);
        configDigest = Digest.FromHash(System.Security.Cryptography.SHA256.HashData(config));
        await RegistryTest.PushAsync(repository, config);
        await repository.PutManifestAsync(
            "v1", ManifestType, RegistryTest.Manifest(configDigest, config.Length), RegistryTest.Token);
        new Command("skopeo", "inspect", "--tls-verify=false", $"docker://{_server.Address}/app:v1").Run().Succeeded();
        new Command(
            "skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false",
            $"docker://{_server.Address}/app:v1", $"docker://{_server.Address}/other:v2").Run().Succeeded();
        FetchedManifest copied = await Repository("other").GetManifestAsync("v2", RegistryTest.Token);
        Assert.Equal(config, await Repository("other").GetSmallBlobAsync(configDigest, 1000, RegistryTest.Token));
        Assert.NotEmpty(copied.Bytes.ToArray());
    }

    private RegistryRepository Repository(string name) => _client.PushPlace(RegistryTest.Image(_server.Address, name));
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.TestSupport;
using Builder.TestSupport.Registry;
using Xunit;

namespace Builder.Executor.Tests.Registry;

/// <summary>Permission, against real registries and a token server.</summary>
public sealed class RegistryAuthTests : IDisposable
{
    private readonly TokenServer _tokens = new();
    private readonly (byte[] Bytes, Digest Digest) _blob = RegistryTest.Blob(5_000);

    public void Dispose() => _tokens.Dispose();

    [Fact]
    public async Task Basic_credentials_open_a_registry_and_wrong_ones_do_not()
    {
        using RegistryServer server = RegistryServer.WithBasicAuth();
        using RegistryClient client = new(RegistryTest.WithUser(server.Address));
        RegistryRepository repository = client.PushPlace(RegistryTest.Image(server.Address, "app"));
        Assert.Equal(UploadOutcome.Uploaded, await RegistryTest.PushAsync(repository, _blob.Bytes));

        foreach (RegistryOptions options in new[]
        {
            RegistryTest.Options,
            RegistryTest.WithUser(server.Address) with { Credential = RegistryCredential.Parse("ada:wrong") },
            RegistryTest.WithUser("elsewhere.example"),
        })
        {
            using RegistryClient other = new(options);
            RegistryException e = await Assert.ThrowsAsync<RegistryException>(
                () => other.PushPlace(RegistryTest.Image(server.Address, "app")).GetManifestAsync("x", RegistryTest.Token));
            Assert.Equal(RegistryFailure.Unauthorized, e.Reason);
            Assert.Contains("bld login", e.Hint, StringComparison.Ordinal);
            Assert.DoesNotContain("wrong", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Tokens_are_fetched_once_a_scope_and_mounts_ask_for_both_repositories()
    {
        using RegistryServer server = RegistryServer.WithTokens(_tokens);
        using RegistryClient client = new(RegistryTest.WithUser(server.Address));
        await RegistryTest.PushAsync(client.PushPlace(RegistryTest.Image(server.Address, "base")), _blob.Bytes);
        Assert.Equal(
            UploadOutcome.Mounted,
            await RegistryTest.PushAsync(
                client.PushPlace(RegistryTest.Image(server.Address, "app")), _blob.Bytes, "base"));
        Assert.Contains("repository:app:pull,push repository:base:pull", _tokens.GrantedScopes);
        Assert.Equal(_tokens.GrantedScopes.Count, _tokens.GrantedScopes.Distinct().Count());
    }

    [Fact]
    public async Task Anybody_pulls_what_is_public_and_nothing_else()
    {
        using RegistryServer server = RegistryServer.WithTokens(_tokens);
        using (RegistryClient owner = new(RegistryTest.WithUser(server.Address)))
        {
            await RegistryTest.PushAsync(owner.PushPlace(RegistryTest.Image(server.Address, "public/a")), _blob.Bytes);
            await RegistryTest.PushAsync(owner.PushPlace(RegistryTest.Image(server.Address, "private/a")), _blob.Bytes);
        }

        using RegistryClient client = new(RegistryTest.Options);
        RegistryRepository open = client.PushPlace(RegistryTest.Image(server.Address, "public/a"));
        Assert.Equal(_blob.Bytes, await RegistryTest.PullAsync(open, _blob.Digest, _blob.Bytes.Length));
        RegistryRepository closed = client.PushPlace(RegistryTest.Image(server.Address, "private/a"));
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(
            () => closed.HasBlobAsync(_blob.Digest, RegistryTest.Token));
        Assert.Equal(RegistryFailure.Unauthorized, e.Reason);
        await Assert.ThrowsAsync<RegistryException>(() => RegistryTest.PushAsync(open, [1, 2, 3]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Identity_tokens_and_servers_of_OAuth2_alone_are_served_by_POST(bool isIdentityToken)
    {
        using RegistryServer server = RegistryServer.WithTokens(_tokens);
        _tokens.RefusesGet = true;
        RegistryOptions options = RegistryTest.WithUser(server.Address);
        if (isIdentityToken)
        {
            options = options with { Credential = new RegistryCredential { IdentityToken = TokenServer.RefreshToken } };
        }

        using RegistryClient client = new(options);
        RegistryRepository repository = client.PushPlace(RegistryTest.Image(server.Address, "app"));
        Assert.Equal(UploadOutcome.Uploaded, await RegistryTest.PushAsync(repository, _blob.Bytes));
    }

    [Fact]
    public async Task An_expired_token_is_renewed()
    {
        using RegistryServer server = RegistryServer.WithTokens(_tokens);
        ManualTime time = new();
        using RegistryClient client = new(RegistryTest.WithUser(server.Address) with { Time = time });
        RegistryRepository repository = client.PushPlace(RegistryTest.Image(server.Address, "app"));
        await repository.HasBlobAsync(_blob.Digest, RegistryTest.Token);
        await repository.HasBlobAsync(_blob.Digest, RegistryTest.Token);
        Assert.Single(_tokens.GrantedScopes);
        time.Advance(TimeSpan.FromSeconds(_tokens.ExpiresInSeconds));
        await repository.HasBlobAsync(_blob.Digest, RegistryTest.Token);
        Assert.Equal(2, _tokens.GrantedScopes.Count);
    }

    [Fact]
    public async Task A_redirect_to_another_host_takes_no_credentials_along()
    {
        using HttpStub storage = new(context => HttpStub.Reply(context, 200, _blob.Bytes));
        using HttpStub registry = new(context =>
        {
            if (context.Request.Headers["Authorization"] is null)
            {
                HttpStub.Reply(context, 401, "", "text/plain", ("WWW-Authenticate", "Basic realm=\"x\""));
                return;
            }

            HttpStub.Reply(
                context, 307, "", "text/plain", ("Location", $"http://{storage.Authority}/blob?X-Amz-Signature=secret"));
        });
        using RegistryClient client = new(RegistryTest.WithUser(registry.Authority));
        RegistryRepository repository = client.PushPlace(RegistryTest.Image(registry.Authority, "app"));
        Assert.Equal(_blob.Bytes, await RegistryTest.PullAsync(repository, _blob.Digest, _blob.Bytes.Length));
        Assert.Equal([""], storage.Authorizations);
    }

    [Fact]
    public async Task An_upload_address_on_another_host_gets_no_credentials()
    {
        using HttpStub elsewhere = new(context => HttpStub.Reply(context, 201));
        using HttpStub registry = new(context =>
        {
            if (context.Request.Headers["Authorization"] is null)
            {
                HttpStub.Reply(context, 401, "", "text/plain", ("WWW-Authenticate", "Basic realm=\"x\""));
            }
            else if (context.Request.HttpMethod == "POST")
            {
                HttpStub.Reply(context, 202, "", "text/plain", ("Location", $"http://{elsewhere.Authority}/upload"));
            }
            else
            {
                HttpStub.Reply(context, 404);
            }
        });
        using RegistryClient client = new(RegistryTest.WithUser(registry.Authority));
        await RegistryTest.PushAsync(client.PushPlace(RegistryTest.Image(registry.Authority, "app")), _blob.Bytes);
        Assert.Equal([""], elsewhere.Authorizations);
    }

    [Fact]
    public async Task Login_keeps_only_what_the_registry_accepts()
    {
        using RegistryServer server = RegistryServer.WithBasicAuth();
        using TemporaryDirectory directory = new();
        RegistryOptions options = RegistryTest.Options with { AuthFile = directory["docker/config.json"] };
        using RegistryClient client = new(options);
        await Assert.ThrowsAsync<RegistryException>(
            () => client.LoginAsync(server.Address, RegistryCredential.Parse("ada:wrong"), RegistryTest.Token));
        Assert.False(File.Exists(directory["docker/config.json"]));

        RegistryCredential right = RegistryCredential.Parse($"{RegistryServer.UserName}:{RegistryServer.Password}");
        await client.LoginAsync(server.Address, right, RegistryTest.Token);
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(directory["docker/config.json"]));
        using (RegistryClient later = new(options))
        {
            RegistryRepository repository = later.PushPlace(RegistryTest.Image(server.Address, "app"));
            Assert.False(await repository.HasBlobAsync(_blob.Digest, RegistryTest.Token));
        }

        new Command(
            "skopeo", "list-tags", "--tls-verify=false", "--authfile", directory["docker/config.json"],
            $"docker://{server.Address}/app").Run().Failed(1).Error.Contains("name unknown", StringComparison.Ordinal);
        Assert.True(await client.LogoutAsync(server.Address, RegistryTest.Token));
        Assert.False(await client.LogoutAsync(server.Address, RegistryTest.Token));
    }

    private sealed class ManualTime : TimeProvider
    {
        private TimeSpan _offset;

        public void Advance(TimeSpan by) => _offset += by;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _offset;
    }
}

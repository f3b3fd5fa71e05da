// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.TestSupport;
using Builder.TestSupport.Registry;
using Xunit;

namespace Builder.Executor.Tests.Registry;

/// <summary>Mirrors, rewriting, blocking, plain http and certificates.</summary>
public sealed class EndpointResolverTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_registry_without_rules_is_itself_over_https()
    {
        RegistryEndpoint hub = Assert.Single(Resolver("").ForPull(RegistryTest.Image("docker.io", "library/x")));
        Assert.Equal(("registry-1.docker.io", "library/x", false), (hub.Authority, hub.Repository, hub.IsInsecure));
    }

    [Theory]
    [InlineData("localhost:5000", true)]
    [InlineData("127.0.0.1:5000", true)]
    [InlineData("127.8.9.1", true)]
    [InlineData("[::1]:5000", true)]
    [InlineData("localhost.example:5000", false)]
    [InlineData("127.0.0.1.example", false)]
    [InlineData("10.0.0.1:5000", false)]
    public void Only_this_machine_is_insecure_by_itself(string registry, bool insecure)
    {
        Assert.Equal(insecure, Resolver("").ForPush(RegistryTest.Image(registry, "x")).IsInsecure);
        Assert.False(new EndpointResolver(RegistryTest.Options with { TlsVerify = true })
            .ForPush(RegistryTest.Image(registry, "x")).IsInsecure);
        Assert.True(new EndpointResolver(RegistryTest.Options with { TlsVerify = false })
            .ForPush(RegistryTest.Image(registry, "x")).IsInsecure);
    }

    [Fact]
    public void Mirrors_rewriting_and_the_longest_prefix_follow_registries_conf()
    {
        EndpointResolver resolver = Resolver("""
            unqualified-search-registries = ["docker.io"]
            [[registry]]
            location = "docker.io"
            [[registry.mirror]]
            location = "mirror.example:5000/hub"
            insecure = true
            [[registry.mirror]]
            location = "digests.example"
            pull-from-mirror = "digest-only"
            [[registry]]
            prefix = "docker.io/corp"
            location = "internal.example/images"
            [[registry]]
            prefix = "*.dev.example"
            insecure = true
            [[registry]]
            location = "bad.example"
            blocked = true
            """);
        Assert.Equal(
            ["mirror.example:5000/hub/library/x", "docker.io/library/x"],
            resolver.ForPull(RegistryTest.Image("docker.io", "library/x")).Select(e => e.ToString()));
        Assert.Equal([true, false], resolver.ForPull(RegistryTest.Image("docker.io", "library/x")).Select(e => e.IsInsecure));
        ImageReference pinned = RegistryTest.Image("docker.io", "library/x") with { Digest = RegistryTest.Blob(1).Digest };
        Assert.Equal(3, resolver.ForPull(pinned).Length);
        Assert.Equal(
            "internal.example/images/app", resolver.ForPull(RegistryTest.Image("docker.io", "corp/app")).Single().ToString());
        Assert.Equal("internal.example/images/app", resolver.ForPush(RegistryTest.Image("docker.io", "corp/app")).ToString());
        Assert.Equal("docker.io/library/x", resolver.ForPush(RegistryTest.Image("docker.io", "library/x")).ToString());
        Assert.Equal("docker.io/corporate", resolver.ForPush(RegistryTest.Image("docker.io", "corporate")).ToString());
        RegistryEndpoint wild = resolver.ForPush(RegistryTest.Image("a.dev.example", "x"));
        Assert.Equal(("a.dev.example/x", true), (wild.ToString(), wild.IsInsecure));
        RegistryException e = Assert.Throws<RegistryException>(() => resolver.ForPull(RegistryTest.Image("bad.example", "x")));
        Assert.Equal(RegistryFailure.Blocked, e.Reason);
    }

    [Theory]
    [InlineData("[[registry]]\ninsecure = true", "neither prefix nor location")]
    [InlineData("[[registry]]\nlocation = \"https://x\"", "HOST[:PORT][/PATH]")]
    [InlineData("[registries.search]\nregistries = ['x']", "version 1")]
    [InlineData("[[registry\n", "registries.conf")]
    public void Invalid_files_are_refused(string text, string cause)
    {
        RegistryException e = Assert.Throws<RegistryException>(
            () => Resolver(text).ForPull(RegistryTest.Image("docker.io", "x")));
        Assert.Contains(cause, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mirror_is_asked_first_and_the_registry_after_it()
    {
        using RegistryServer server = new();
        using FaultProxy broken = new(server.Port, (_, _) => new Fault.Status(404));
        RegistryOptions options = RegistryTest.Options with
        {
            Mirrors = [$"{server.Address}={broken.Authority}", $"hub.invalid=http://{server.Address}/hub"],
        };
        using RegistryClient client = new(options);
        (byte[] bytes, Digest digest) = RegistryTest.Blob(100);
        await RegistryTest.PushAsync(client.PushPlace(RegistryTest.Image(server.Address, "hub/library/x")), bytes);
        (byte[] first, int place) = await RegistryClient.AskAsync(
            client.PullPlaces(RegistryTest.Image(server.Address, "hub/library/x")),
            repository => repository.GetSmallBlobAsync(digest, 1000, RegistryTest.Token));
        Assert.Equal((bytes.Length, 1), (first.Length, place));
        Assert.NotEmpty(broken.Requests);
        (byte[] second, int mirror) = await RegistryClient.AskAsync(
            client.PullPlaces(RegistryTest.Image("hub.invalid", "library/x")),
            repository => repository.GetSmallBlobAsync(digest, 1000, RegistryTest.Token));
        Assert.Equal((bytes.Length, 0), (second.Length, mirror));
    }

    [Fact]
    public async Task TLS_wants_a_certificate_that_certs_d_vouches_for()
    {
        string tls = _directory["tls"];
        Directory.CreateDirectory(tls);
        Command.Shell($"""
            cd {tls}
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=ca 2>/dev/null
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr -subj /CN=s 2>/dev/null
            printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' > ext
            openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.crt 2>/dev/null
            """).Succeeded();
        using RegistryServer server = RegistryServer.WithTls(tls);
        RegistryOptions strict = RegistryTest.Options with { TlsVerify = true };
        await AssertPushesAsync(RegistryTest.Options, server);
        await AssertPushesAsync(RegistryTest.Options with { TlsVerify = false }, server);
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(() => AssertPushesAsync(strict, server));
        Assert.Equal(RegistryFailure.Tls, e.Reason);
        Assert.Contains("certs.d", e.Hint, StringComparison.Ordinal);

        _directory.Write($"certs/{server.Address}/ca.crt", File.ReadAllText(Path.Combine(tls, "ca.crt")));
        await AssertPushesAsync(strict with { CertificateRoots = [_directory["certs"]] }, server);
    }

    private static async Task AssertPushesAsync(RegistryOptions options, RegistryServer server)
    {
        using RegistryClient client = new(options);
        await RegistryTest.PushAsync(client.PushPlace(RegistryTest.Image(server.Address, "x")), RegistryTest.Blob(10).Bytes);
    }

    private EndpointResolver Resolver(string text) =>
        new(RegistryTest.Options with { RegistriesFile = _directory.Write("registries.conf", text) });
}

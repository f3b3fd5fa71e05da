// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Registry;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Registry;

/// <summary>Where credentials come from and where they go.</summary>
public sealed class CredentialStoreTests : IDisposable
{
    private readonly TemporaryDirectory _home = new();
    private readonly Dictionary<string, string> _variables = new(StringComparer.Ordinal);

    public CredentialStoreTests() => _variables["HOME"] = _home.Path;

    public void Dispose() => _home.Dispose();

    [Theory]
    [InlineData("docker.io", "library/x", "https://index.docker.io/v1/", true)]
    [InlineData("docker.io", "library/x", "docker.io", true)]
    [InlineData("docker.io", "library/x", "registry-1.docker.io", true)]
    [InlineData("quay.io", "x", "https://quay.io", true)]
    [InlineData("quay.io", "x", "https://quay.io/v2/", true)]
    [InlineData("quay.io", "x", "QUAY.io", true)]
    [InlineData("quay.io", "org/x", "quay.io/org", true)]
    [InlineData("quay.io", "org/x", "quay.io/org/x", true)]
    [InlineData("quay.io", "organ/x", "quay.io/org", false)]
    [InlineData("quay.io", "x", "quay.io.evil.example", false)]
    [InlineData("quay.io.evil.example", "x", "quay.io", false)]
    [InlineData("notquay.io", "x", "quay.io", false)]
    [InlineData("quay.io:8443", "x", "quay.io", false)]
    [InlineData("quay.io", "x", "quay.io:443", false)]
    [InlineData("docker.io.evil.example", "x", "https://index.docker.io/v1/", false)]
    [InlineData("quay.io", "x", "https://index.docker.io/v1/", false)]
    public async Task Keys_match_hosts_exactly(string registry, string repository, string key, bool matches)
    {
        _home.Write(".docker/config.json", Auths(key, "ada", "pw"));
        RegistryCredential? found = await Store().FindAsync(registry, repository, RegistryTest.Token);
        Assert.Equal(matches, found is not null);
    }

    [Fact]
    public async Task The_longest_path_wins()
    {
        _home.Write(".docker/config.json", """
            {"auths":{"quay.io":{"username":"host","password":"p"},
            "quay.io/a/b":{"username":"deep","password":"p"},
            "quay.io/a":{"username":"shallow","password":"p"}}}
            """);
        Assert.Equal("deep", (await Store().FindAsync("quay.io", "a/b/c", RegistryTest.Token))?.UserName);
        Assert.Equal("shallow", (await Store().FindAsync("quay.io", "a/c", RegistryTest.Token))?.UserName);
        Assert.Equal("host", (await Store().FindAsync("quay.io", "z", RegistryTest.Token))?.UserName);
    }

    [Fact]
    public async Task The_order_of_places_is_the_documented_one()
    {
        _home.Write(".config/containers/auth.json", Auths("r.example", "config", "p"));
        Assert.Equal("config", await UserAsync());
        _variables["XDG_RUNTIME_DIR"] = _home["run"];
        _home.Write("run/containers/auth.json", Auths("r.example", "runtime", "p"));
        Assert.Equal("runtime", await UserAsync());
        _home.Write(".docker/config.json", Auths("r.example", "docker", "p"));
        Assert.Equal("docker", await UserAsync());
        _variables["DOCKER_CONFIG"] = _home["elsewhere"];
        _home.Write("elsewhere/config.json", Auths("r.example", "elsewhere", "p"));
        Assert.Equal("elsewhere", await UserAsync());
        _variables["DOCKER_AUTH_CONFIG"] = Auths("r.example", "variable", "p");
        Assert.Equal("variable", await UserAsync());
        _variables["REGISTRY_AUTH_FILE"] = _home.Write("only.json", Auths("r.example", "only", "p"));
        Assert.Equal("only", await UserAsync());
        _home.Write("only.json", "{}");
        Assert.Null(await UserAsync());

        async Task<string?> UserAsync() => (await Store().FindAsync("r.example", "x", RegistryTest.Token))?.UserName;
    }

    [Fact]
    public async Task A_password_may_hold_colons_and_tokens_are_read()
    {
        _home.Write(".docker/config.json", """
            {"auths":{"a.example":{"auth":"YWRhOmE6Yjpj"},
            "b.example":{"auth":"","identitytoken":"refresh"},
            "c.example":{"registrytoken":"bearer"},
            "d.example":{}}}
            """);
        Assert.Equal("a:b:c", (await Store().FindAsync("a.example", "x", RegistryTest.Token))?.Password);
        Assert.Equal("refresh", (await Store().FindAsync("b.example", "x", RegistryTest.Token))?.IdentityToken);
        Assert.Equal("bearer", (await Store().FindAsync("c.example", "x", RegistryTest.Token))?.RegistryToken);
        Assert.Null(await Store().FindAsync("d.example", "x", RegistryTest.Token));
    }

    [Theory]
    [InlineData("{\"auths\":{\"r.example\":{\"auth\":\"!!!\"}}}", "base64")]
    [InlineData("{\"auths\":{\"r.example\":{\"auth\":\"c2VjcmV0\"}}}", "USER:PASSWORD")]
    [InlineData("{\"auths\":", "JSON")]
    public async Task Broken_files_are_named_without_their_secrets(string text, string cause)
    {
        string path = _home.Write(".docker/config.json", text);
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(
            () => Store().FindAsync("r.example", "x", RegistryTest.Token));
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.Contains(cause, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("c2VjcmV0", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_keeps_everything_else_in_the_file()
    {
        string path = _home.Write(".docker/config.json", """
            {"HttpHeaders":{"X":"y"},"auths":{"old.example":{"auth":"YTpi"}},"detachKeys":"ctrl-q"}
            """);
        await Store().StoreAsync("new.example:5000", RegistryCredential.Parse("ada:pw"), RegistryTest.Token);
        await Store().StoreAsync("docker.io", RegistryCredential.Parse("hub:pw"), RegistryTest.Token);
        string text = File.ReadAllText(path);
        Assert.Contains("ctrl-q", text, StringComparison.Ordinal);
        Assert.Contains("\"X\": \"y\"", text, StringComparison.Ordinal);
        Assert.Contains("\"https://index.docker.io/v1/\"", text, StringComparison.Ordinal);
        Assert.Equal("ada", (await Store().FindAsync("new.example:5000", "x", RegistryTest.Token))?.UserName);
        Assert.Equal("a", (await Store().FindAsync("old.example", "x", RegistryTest.Token))?.UserName);
        Assert.True(await Store().EraseAsync("new.example:5000", RegistryTest.Token));
        Assert.Null(await Store().FindAsync("new.example:5000", "x", RegistryTest.Token));
        Assert.Equal("hub", (await Store().FindAsync("docker.io", "x", RegistryTest.Token))?.UserName);
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public async Task Helpers_are_run_asked_and_told()
    {
        string kept = _home["kept"];
        string helper = _home.Write("bin/docker-credential-test", $$"""
            #!/bin/sh
            input=$(cat)
            case "$1" in
              get) if [ "$input" = known.example ]; then echo '{"ServerURL":"known.example","Username":"<token>","Secret":"tok"}'
                   elif [ -e {{kept}} ]; then cat {{kept}}
                   else echo 'credentials not found in native keychain'; exit 1; fi;;
              store) echo "$input" > {{kept}};;
              erase) rm {{kept}};;
            esac
            """);
        File.SetUnixFileMode(helper, (UnixFileMode)Convert.ToInt32("755", 8));
        _home.Write(".docker/config.json", """{"credsStore":"test","auths":{"plain.example":{"auth":"YTpi"}}}""");
        Assert.Equal("tok", (await Helped().FindAsync("known.example", "x", RegistryTest.Token))?.IdentityToken);
        Assert.Equal("a", (await Helped().FindAsync("plain.example", "x", RegistryTest.Token))?.UserName);
        Assert.Null(await Helped().FindAsync("unknown.example", "x", RegistryTest.Token));
        Assert.Equal(
            "docker-credential-test",
            await Helped().StoreAsync("new.example", RegistryCredential.Parse("ada:pw"), RegistryTest.Token));
        Assert.Equal("pw", (await Helped().FindAsync("new.example", "x", RegistryTest.Token))?.Password);
        Assert.DoesNotContain("new.example", File.ReadAllText(_home[".docker/config.json"]), StringComparison.Ordinal);
        Assert.True(await Helped().EraseAsync("new.example", RegistryTest.Token));

        CredentialStore Helped() => new(Options(), (program, argument, input, token) =>
            HelperProcess.RunAsync(Path.Combine(_home["bin"], program), argument, input, token));
    }

    [Fact]
    public async Task A_missing_helper_is_an_error_that_says_where_it_is_asked_for()
    {
        _home.Write(".docker/config.json", """{"credHelpers":{"r.example":"surely-missing"}}""");
        Assert.Null(await Store().FindAsync("other.example", "x", RegistryTest.Token));
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(
            () => Store().FindAsync("r.example", "x", RegistryTest.Token));
        Assert.Contains("docker-credential-surely-missing", e.Message, StringComparison.Ordinal);
        Assert.Contains("credHelpers", e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_credential_never_prints_its_secret()
    {
        RegistryCredential credential = new() { UserName = "u", Password = "hunter2", IdentityToken = "hunter3" };
        Assert.DoesNotContain("hunter", $"{credential}", StringComparison.Ordinal);
        Assert.Equal(
            "https://host/path?X-Amz-Signature=REDACTED&scope=a",
            RedactedUrl.Of(new Uri("https://user:pw@host/path?X-Amz-Signature=abc&scope=a")));
    }

    private CredentialStore Store() => new(Options(), HelperProcess.RunAsync);

    private RegistryOptions Options() => new() { Environment = name => _variables.GetValueOrDefault(name), RegistriesFile = "" };

    private static string Auths(string key, string user, string password) =>
        $$$$"""{"auths":{"{{{{key}}}}":{"username":"{{{{user}}}}","password":"{{{{password}}}}"}}}""";
}

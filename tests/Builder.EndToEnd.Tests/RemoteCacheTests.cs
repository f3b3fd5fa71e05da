// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using Builder.TestSupport;
using Builder.TestSupport.Registry;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>
/// Two machines, played by two stores and two users, that share a cache: what runs again and what goes over the line.
/// </summary>
public sealed class RemoteCacheTests : IClassFixture<Bases>, IDisposable
{
    private const int DependencyBytes = 6_000_000;

    private const string Dockerfile = """
        FROM busybox AS build
        WORKDIR /src
        COPY deps.txt ./
        RUN head -c 6000000 /dev/urandom > /deps && cp deps.txt /out
        COPY main.txt ./
        RUN cat main.txt /out > /result
        FROM busybox
        COPY --from=build /result /result
        """;

    private readonly Bases _bases;
    private readonly RegistryServer _registry = new();
    private readonly FaultProxy _line;
    private readonly Bld _first = new();
    private readonly Bld _second = new(TestUser.WithSubIds);

    public RemoteCacheTests(Bases bases)
    {
        _bases = bases;
        _line = new FaultProxy(_registry.Port, (_, _) => null);
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
        _line.Dispose();
        _registry.Dispose();
    }

    [RootFact]
    public void After_one_change_only_what_depends_on_it_runs_and_only_what_that_needs_moves()
    {
        string cache = $"type=registry,ref={_line.Authority}/cache:main,mode=max";
        Build(_first, Context(_first, "one"), expectedCached: 0, "--cache-to", cache);
        _line.Exchanges.Clear();

        // The layer with the dependencies comes, once; three small ones go.
        string explained = Build(
            _second, Context(_second, "two"), expectedCached: 3, "--cache-from", cache, "--cache-to", cache, "--explain", "-t", "app");
        Assert.Contains("file main.txt: 0644 sha256:", explained, StringComparison.Ordinal);
        Assert.Contains("the files below it changed: [build 5/6] COPY main.txt ./", explained, StringComparison.Ordinal);
        Assert.Equal("two\nd", _second.Ok("run", "--rm", "--network", "host", "app", "cat", "/result").Text);
        Assert.InRange(_line.Exchanges.Sum(exchange => exchange.ReceivedBytes), DependencyBytes, DependencyBytes + 100_000);
        Assert.InRange(_line.Exchanges.Sum(exchange => exchange.SentBytes), 1, 50_000);
        Assert.Single(_line.Exchanges, exchange => exchange.ReceivedBytes > DependencyBytes);

        // The other way round: the first machine takes what the second has built, by name.
        _line.Exchanges.Clear();
        Build(_first, Context(_first, "two"), expectedCached: 6, "--cache-from", cache, "-t", "app");
        Assert.Equal(_second.DiffIds("app"), _first.DiffIds("app"));
        Assert.InRange(_line.Exchanges.Sum(exchange => exchange.ReceivedBytes), 1, 50_000);
    }

    [RootTheory]
    [InlineData("registry")]
    [InlineData("inline")]
    public void A_fully_cached_build_that_is_pushed_to_the_cache_s_registry_moves_no_layer(string kind)
    {
        string image = $"{_line.Authority}/app";
        string cache = $"type=registry,ref={_line.Authority}/cache:main,mode=max";
        string to = kind == "inline" ? "type=inline" : cache;
        string from = kind == "inline" ? $"{image}:one" : cache;
        Build(_first, Context(_first, "one"), 0, "--cache-to", to, "-o", $"type=image,name={image}:one,push=true");
        _line.Exchanges.Clear();

        // The image's own cache has only the steps whose layers are in the image; those below are not needed for it.
        Build(
            _second, Context(_second, "one"), kind == "inline" ? null : 6, "--cache-from", from,
            "-o", $"type=image,name={image}:two,push=true");
        if (kind == "registry")
        {
            Assert.DoesNotContain(_line.Exchanges, exchange => exchange.Request.StartsWith("PATCH", StringComparison.Ordinal));
            Assert.DoesNotContain(_line.Exchanges, exchange => exchange.ReceivedBytes > 50_000);
            Assert.InRange(_line.Exchanges.Sum(exchange => exchange.SentBytes), 1, 20_000);
            Assert.Empty(Directory.GetDirectories(Path.Combine(_second.Root, "snapshots")));
            Assert.DoesNotContain(
                Directory.GetFiles(Path.Combine(_second.Root, "blobs", "sha256")), file => new FileInfo(file).Length > 50_000);
        }

        string[] digests = [.. new[] { "one", "two" }.Select(tag => new Command(
            "skopeo", "inspect", "--tls-verify=false", "--format", "{{.Layers}}", $"docker://{image}:{tag}").Run().Succeeded().Text)];
        Assert.Equal(digests[0], digests[1]);
    }

    [RootFact]
    public void Finished_layers_are_compressed_and_sent_while_later_steps_run()
    {
        string context = _first.Context("app", """
            FROM busybox
            RUN head -c 3000000 /dev/urandom > /big
            RUN --mount=type=cache,id=signal,target=/go until [ -e /go/on ]; do sleep 0.1; done
            """);
        using Process build = _first.Command(
            ["build", "-q", .. _bases.Mirror, "-o", $"type=image,name={_line.Authority}/app:v1,push=true", context]).Start();
        Assert.True(SpinWait.SpinUntil(() => _line.Exchanges.Any(exchange => exchange.SentBytes > 2_000_000), 60_000));
        Assert.False(build.HasExited);
        Assert.DoesNotContain(_line.Exchanges, exchange => exchange.Request.StartsWith("PUT", StringComparison.Ordinal)
            && exchange.Request.Contains("/manifests/", StringComparison.Ordinal));
        string mount = Assert.Single(Directory.GetDirectories(Path.Combine(_first.Root, "mounts")));
        File.WriteAllText(Path.Combine(mount, "fs", "on"), "");
        build.WaitForExit();
        Assert.Equal(0, build.ExitCode);
        Assert.Single(_line.Exchanges, exchange => exchange.SentBytes > 2_000_000);
        new Command("skopeo", "inspect", "--tls-verify=false", $"docker://{_line.Authority}/app:v1").Run().Succeeded();
    }

    [RootTheory]
    [InlineData("registry")]
    [InlineData("local")]
    [InlineData("redis")]
    public void Contents_of_cache_mounts_travel_and_a_small_change_moves_little(string kind)
    {
        using RedisServer redis = new();
        string shared = _first["shared"];
        string fields = kind switch
        {
            "registry" => $"type=registry,ref={_line.Authority}/cache:main",
            "redis" => $"type=redis,url=127.0.0.1:{redis.Port},layers={_line.Authority}/layers",
            _ => "",
        };
        using Bld colleague = new();
        CheckMounts(
            kind == "local" ? colleague : _second,
            fields.Length > 0 ? fields : $"type=local,dest={shared}", fields.Length > 0 ? fields : $"type=local,src={shared}",
            () => kind == "local"
                ? new DirectoryInfo(Path.Combine(shared, "blobs", "sha256")).GetFiles().Sum(file => file.Length)
                : _line.Exchanges.Sum(exchange => exchange.SentBytes));
    }

    [S3Fact]
    public void A_bucket_keeps_layers_records_and_contents_of_mounts()
    {
        using S3Server server = new();
        string cache = server.Spec(",mode=max,prefix=team/,name=main;feature");
        Build(_first, Context(_first, "one"), 0, "--cache-to", cache);
        Assert.Contains("team/manifests/main", server.Objects().Keys);
        Assert.Contains("team/manifests/feature", server.Objects().Keys);
        Build(_second, Context(_second, "two"), 3, "--cache-from", cache, "--cache-to", server.Spec(",mode=max,name=other"));
        Build(_second, Context(_second, "one"), 6, "--cache-from", cache, "-t", "app");
        Assert.Equal("one\nd", _second.Ok("run", "--rm", "--network", "host", "app", "cat", "/result").Text);
    }

    [S3Fact]
    public void A_bucket_keeps_contents_of_mounts()
    {
        using S3Server server = new();
        CheckMounts(_second, server.Spec(), server.Spec(), () => server.Objects().Values.Sum());
    }

    [S3Fact]
    public void A_layer_of_many_megabytes_goes_to_a_bucket_in_parts()
    {
        using S3Server server = new();
        string context = _first.Context("big", "FROM busybox\nRUN head -c 80000000 /dev/urandom > /big && sha256sum /big > /sum\n");
        _first.Ok(["build", .. _bases.Mirror, "--cache-to", server.Spec(), "-t", "big", context]);
        string sum = _first.Ok("run", "--rm", "--network", "host", "big", "cat", "/sum").Text;
        string again = _second.Context("big", "FROM busybox\nRUN head -c 80000000 /dev/urandom > /big && sha256sum /big > /sum\n");
        _second.Ok(["build", .. _bases.Mirror, "--cache-from", server.Spec(), "-t", "big", again]);
        Assert.Equal(sum, _second.Ok("run", "--rm", "--network", "host", "big", "sh", "-c", "sha256sum /big").Text);
    }

    [S3Fact]
    public void Credentials_of_a_bucket_come_from_the_environment_or_a_profile_and_failures_are_warnings()
    {
        using S3Server server = new();
        string context = _first.Context("app", "FROM busybox\nRUN echo x > /x\n");
        string bare = $"type=s3,bucket={S3Server.Bucket},region=us-east-1,endpoint_url=http://127.0.0.1:{server.Port},use_path_style=true";
        _first.Command(["build", .. _bases.Mirror, "--cache-to", bare + ",ignore-error=false", context])
            .With("AWS_ACCESS_KEY_ID", S3Server.AccessKeyId).With("AWS_SECRET_ACCESS_KEY", S3Server.Secret).Run().Succeeded();
        string profile = _first.Write("aws", $"[ci]\naws_access_key_id = {S3Server.AccessKeyId}\naws_secret_access_key = {S3Server.Secret}\n");
        using Bld colleague = new();
        CommandResult cached = colleague.Command(["build", .. _bases.Mirror, "--progress", "plain",
                "--cache-from", bare + ",ignore-error=false", colleague.Context("app", "FROM busybox\nRUN echo x > /x\n")])
            .With("AWS_SHARED_CREDENTIALS_FILE", profile).With("AWS_PROFILE", "ci").Run().Succeeded();
        Assert.Equal(1, Count(cached.Error, " CACHED"));

        const string Stranger = ",access_key_id=nobody,secret_access_key=falsch";
        string wrong = bare + Stranger;
        CommandResult warned = _first.Ok(["build", .. _bases.Mirror, "--cache-to", wrong, context]);
        Assert.Contains("warning: export cache in s3://cache/", warned.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("falsch", warned.Error, StringComparison.Ordinal);
        CommandResult failed = _first.Run(["build", .. _bases.Mirror, "--cache-to", wrong + ",ignore-error=false", context]).Failed(1);
        Assert.Contains("s3://cache/", failed.Error, StringComparison.Ordinal);
        CommandResult missing = _first.Ok(["build", .. _bases.Mirror, "--cache-to", server.Spec().Replace("bucket=cache", "bucket=nowhere", StringComparison.Ordinal), context]);
        Assert.Contains("NoSuchBucket", missing.Error, StringComparison.Ordinal);
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    private static string Context(Bld bld, string main) =>
        bld.Context("app", Dockerfile, ("deps.txt", "d\n"), ("main.txt", main + "\n"));

    private string Build(Bld bld, string context, int? expectedCached, params string[] arguments)
    {
        CommandResult result = bld.Ok(["build", .. _bases.Mirror, "--progress", "plain", .. arguments, context]);
        Assert.DoesNotContain("warning", result.Error, StringComparison.Ordinal);
        if (expectedCached is { } count)
        {
            Assert.True(count == Count(result.Error, " CACHED"), result.ToString());
        }

        return result.Error;
    }

    private void CheckMounts(Bld other, string to, string from, Func<long> sentBytes)
    {
        const string Fill = """
            FROM busybox
            ARG STEP
            RUN --mount=type=cache,id=../../etc,target=/c,uid=7,gid=8,mode=0750 set -e; \
                if [ ! -e /c/big ]; then \
                  for i in $(seq 200); do head -c 40000 /dev/urandom > /c/f$i; done; \
                  head -c 4000000 /dev/urandom > /c/big; \
                  mkdir -m 0700 /c/own; echo x > /c/own/file; chown -R 12:34 /c/own; chmod 4711 /c/own/file; \
                  ln -s big /c/link; ln /c/big /c/hard; touch -d @800000000 /c/f1; \
                fi; \
                echo "$STEP" > /c/step; \
                (cd /c; stat -c '%n %a %u %g %h %Y' . big own own/file f1 | sed 's/^\. \(.*\) [0-9]* [0-9]*$/. \1/' | grep -v '^own .*'; \
                 stat -c '%n %a %u %g' own; readlink link; cat $(ls f* big) | sha256sum) > /seen
            """;
        to += ",mounts=true";
        from += ",mounts=true";
        string context = _first.Context("mounts", Fill);
        _first.Ok(["build", .. _bases.Mirror, "--build-arg", "STEP=1", "--cache-to", to, "-t", "seen", context]);
        long whole = sentBytes();
        Assert.InRange(whole, 12_000_000, 13_500_000);
        string seen = _first.Ok("run", "--rm", "--network", "host", "seen", "cat", "/seen").Text;
        Assert.Contains("own/file 4711 12 34", seen, StringComparison.Ordinal);
        Assert.Contains(". 750 7 8", seen, StringComparison.Ordinal);

        // A cached step brings nothing here.
        string again = other.Context("mounts", Fill);
        string[] build = ["build", .. _bases.Mirror, "--cache-from", from];
        if (other.Run([.. build, "--build-arg", "STEP=1", again]) is { } cached)
        {
            cached.Succeeded();
            Assert.DoesNotContain("warning", cached.Error, StringComparison.Ordinal);
            Assert.Empty(Directory.GetDirectories(Path.Combine(other.Root, "mounts")));
        }

        // One that runs finds everything as it was.
        CommandResult ran = other.Ok([.. build, "--build-arg", "STEP=2", "--cache-to", to, "-t", "seen", again]);
        Assert.DoesNotContain("warning", ran.Error, StringComparison.Ordinal);
        Assert.Equal(seen, other.Ok("run", "--rm", "--network", "host", "seen", "cat", "/seen").Text);
        Assert.InRange(sentBytes() - whole, 1, 2_500_000);

        // A third machine gets the change; where nothing is shared nothing comes.
        using Bld third = new();
        string print = third.Context("print", "FROM busybox\nRUN --mount=type=cache,id=../../etc,target=/c cat /c/step > /step || echo none > /step\n");
        third.Ok(["build", .. _bases.Mirror, "--cache-from", from, "-t", "print", print]);
        Assert.Equal("2", third.Ok("run", "--rm", "--network", "host", "print", "cat", "/step").Text);
        using Bld fourth = new();
        print = fourth.Context("print", "FROM busybox\nRUN --mount=type=cache,id=../../etc,target=/c cat /c/step > /step || echo none > /step\n");
        fourth.Ok(["build", .. _bases.Mirror, "--cache-from", from.Replace(",mounts=true", "", StringComparison.Ordinal), "-t", "print", print]);
        Assert.Equal("none", fourth.Ok("run", "--rm", "--network", "host", "print", "cat", "/step").Text);
    }
}

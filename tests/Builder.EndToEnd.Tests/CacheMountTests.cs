// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>RUN --mount=type=cache between steps and processes that run at the same time.</summary>
public sealed class CacheMountTests(Bases bases) : IClassFixture<Bases>
{
    private const string Alone =
        "[ ! -e /c/busy ] && touch /c/busy && sleep 1 && rm /c/busy && echo x >> /c/runs";

    [RootFact]
    public void Locked_users_come_one_after_the_other_in_one_build_and_in_several()
    {
        using Bld bld = new();
        string text = $"""
            FROM busybox AS a
            RUN --mount=type=cache,id=one,target=/c,sharing=locked {Alone} && touch /a
            FROM busybox AS b
            RUN --mount=type=cache,id=one,target=/c,sharing=locked {Alone} && touch /b
            FROM busybox
            COPY --from=a /a /
            COPY --from=b /b /
            """;
        RunAll(bld, text, text.Replace("/a\n", "/a; true\n", StringComparison.Ordinal).Replace("/b\n", "/b; true\n", StringComparison.Ordinal));
        Assert.Equal("4", Print(bld, "one", "wc -l < /c/runs"));
    }

    [RootFact]
    public void Shared_users_see_each_other()
    {
        using Bld bld = new();
        const string Meet = """
            FROM busybox
            RUN --mount=type=cache,id=meet,target=/c touch /c/ME; for i in $(seq 300); do [ -e /c/OTHER ] && exit 0; sleep 0.1; done; exit 1
            """;
        RunAll(bld, Meet.Replace("ME", "left", StringComparison.Ordinal).Replace("OTHER", "right", StringComparison.Ordinal),
            Meet.Replace("ME", "right", StringComparison.Ordinal).Replace("OTHER", "left", StringComparison.Ordinal));
    }

    [RootFact]
    public void A_private_user_gets_another_directory_while_one_is_in_use_and_the_first_again_later()
    {
        using Bld bld = new();
        const string Mine = """
            FROM busybox
            RUN --mount=type=cache,id=mine,target=/c,sharing=private [ ! -e /c/me ] && touch /c/me && sleep 2 && echo NUMBER
            """;
        RunAll(bld, Mine.Replace("NUMBER", "1", StringComparison.Ordinal), Mine.Replace("NUMBER", "2", StringComparison.Ordinal));
        Assert.Equal("me", Print(bld, "mine", "ls /c", ",sharing=private"));
        Assert.Equal(2, Directory.GetDirectories(Path.Combine(bld.Root, "mounts")).Length);
    }

    [RootFact]
    public void Locked_caches_in_another_order_or_twice_in_one_step_are_no_deadlock()
    {
        using Bld bld = new();
        const string First = "--mount=type=cache,id=x,target=/x,sharing=locked";
        const string Second = "--mount=type=cache,id=y,target=/y,sharing=locked";
        RunAll(bld,
            $"FROM busybox\nRUN {First} {Second} sleep 1; echo 1\n",
            $"FROM busybox\nRUN {Second} {First} sleep 1; echo 2\n",
            $"FROM busybox\nRUN {First} {First.Replace("/x", "/again", StringComparison.Ordinal)} touch /x/f && [ -e /again/f ]\n");
    }

    [RootFact]
    public void A_new_cache_starts_as_the_mount_says()
    {
        using Bld bld = new();
        string context = bld.Context("app", """
            FROM busybox AS seed
            RUN mkdir -p /data/sub && echo seed > /data/sub/file && chown 3:4 /data/sub/file
            FROM busybox
            RUN --mount=type=cache,id=seeded,target=/c,from=seed,source=/data,mode=0711,uid=5,gid=6 \
                stat -c '%a %u %g' /c > /seen; stat -c '%u %g' /c/sub/file >> /seen; cat /c/sub/file >> /seen
            """);
        bld.Ok(["build", .. bases.Mirror, "-t", "seen", context]);
        Assert.Equal("711 5 6\n3 4\nseed", bld.Ok("run", "--rm", "--network", "host", "seen", "cat", "/seen").Text);
    }

    [RootFact]
    public void No_id_leads_out_of_the_store()
    {
        using Bld bld = new();
        string[] ids =
        [
            "../../../../../../tmp/bld-escape", "/tmp/bld-escape", "..", ".", "a/../../b", new string('x', 3000), "..%2f..", "a b",
        ];
        string outside = bld.Write("outside/file", "untouched");
        Directory.CreateDirectory(Path.Combine(bld.Root, "mounts"));
        foreach (string id in ids.Append($"../../outside").Append(Path.GetDirectoryName(outside)!))
        {
            Assert.Equal("own", Print(bld, id, "ls /c; [ ! -e /c/file ] && touch /c/own && ls /c"));
        }

        Assert.False(Path.Exists("/tmp/bld-escape"));
        Assert.Equal([outside], Directory.GetFiles(Path.GetDirectoryName(outside)!));
        Assert.All(
            Directory.GetFileSystemEntries(Path.Combine(bld.Root, "mounts")),
            entry => Assert.Matches("^[0-9a-f]{64}$", Path.GetFileName(entry)));
    }

    [RootFact]
    public void A_link_in_a_cache_leads_nowhere_on_the_host()
    {
        using Bld bld = new();
        string outside = bld.Write("outside/file", "untouched");
        Print(bld, "trap", $"ln -s {Path.GetDirectoryName(outside)} /c/link; ln -s / /c/root; echo x");
        bld.Run(["build", .. bases.Mirror, bld.Context(
            "evil", "FROM busybox\nRUN --mount=type=cache,id=trap,target=/c sh -c 'echo evil > /c/link/file; echo evil > /c/root/evil-file'\n")]);
        Assert.Equal("untouched", File.ReadAllText(outside));
        Assert.False(File.Exists("/evil-file"));
    }

    [RootFact]
    public void Two_processes_with_the_same_step_run_it_once()
    {
        using Bld bld = new();
        const string Text = "FROM busybox\nRUN sleep 2; cat /proc/sys/kernel/random/uuid > /id\n";
        string[] outputs = RunAll(bld, Text, Text);
        Assert.Single(outputs, output => output.Contains(" CACHED", StringComparison.Ordinal));
        Assert.Equal(bld.DiffIds("app-0"), bld.DiffIds("app-1"));
    }

    /// <summary>Builds all at once and gives what each printed.</summary>
    private string[] RunAll(Bld bld, params string[] dockerfiles)
    {
        Process[] builds =
        [
            .. dockerfiles.Select((text, i) => bld.Command([
                "build", .. bases.Mirror, "--progress", "plain", "-t", $"app-{i}", bld.Context($"app-{i}", text)]).Start()),
        ];
        Task<string>[] outputs = [.. builds.Select(build => build.StandardError.ReadToEndAsync())];
        foreach ((Process build, Task<string> output) in builds.Zip(outputs))
        {
            using (build)
            {
                Assert.True(build.WaitForExit(60_000), "it waits for ever");
                Assert.True(build.ExitCode == 0, output.GetAwaiter().GetResult());
            }
        }

        return [.. outputs.Select(output => output.GetAwaiter().GetResult())];
    }

    private string Print(Bld bld, string id, string command, string more = "")
    {
        string context = bld.Context(
            "print", $"FROM busybox\nARG ID\nRUN --mount=type=cache,\"id={id}\",target=/c{more} {{ {command}; }} > /printed\n");
        bld.Ok(["build", "-q", .. bases.Mirror, "--no-cache", "-t", "print", context]);
        return bld.Ok("run", "--rm", "--network", "host", "print", "cat", "/printed").Text;
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>Same inputs, same bits: SOURCE_DATE_EPOCH, rewrite-timestamp, <c>bld verify</c>.</summary>
public sealed class ReproducibilityTests(Bases bases) : IClassFixture<Bases>
{
    private const string Epoch = "1700000000";

    private const string Dockerfile = """
        FROM busybox
        WORKDIR /app
        COPY a dir /app/
        RUN echo made > /app/made && mkdir /app/new && touch -d @5 /app/new/old
        ENV A=b
        """;

    [RootFact]
    public void Three_users_on_three_machines_make_the_same_image()
    {
        var images = new HashSet<string>();
        int day = 0;
        foreach (TestUser? user in (TestUser?[])[null, TestUser.WithSubIds, TestUser.WithoutSubIds])
        {
            using var bld = new Bld(user);
            string context = bld.Context($"checkout-{day++}", Dockerfile, ("a", "a\n"), ("dir/b", "b\n"), ("dir/sub/c", "c\n"));
            new Command("find", context, "-exec", "touch", "-h", "-d", $"2024-01-0{day} 12:34", "{}", "+").Run().Succeeded();
            bld.Ok([
                "build", .. bases.Mirror, "--timestamp", Epoch, "-o", "type=image,name=t,rewrite-timestamp=true", context]);
            images.Add(bld.Ok("image", "inspect", "-f", "{{.Id}} {{.RootFS.Layers}}", "t").Text);
            string times = bld.Ok("run", "--rm", "t", "stat", "-c", "%Y", "/app/made", "/app/new", "/app/new/old").Text;
            Assert.Equal($"{Epoch}\n{Epoch}\n5", times);
            bld.Ok("system", "check");
        }

        Assert.Single(images);
    }

    [RootFact]
    public void The_environment_sets_the_epoch_and_rewriting_without_one_is_an_error()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM scratch\nCOPY a /d/a\n", ("a", "a\n"));
        bld.Command("build", "-o", $"type=tar,dest={bld["o.tar"]},rewrite-timestamp=true", context)
            .With("SOURCE_DATE_EPOCH", "86400").Run().Succeeded();
        string listing = new Command("tar", "--utc", "-tvf", bld["o.tar"]).Run().Succeeded().Output;
        Assert.All(listing.TrimEnd('\n').Split('\n'), line => Assert.Contains("1970-01-02 00:00", line, StringComparison.Ordinal));
        CommandResult without = bld.Run("build", "-o", $"type=tar,dest={bld["p.tar"]},rewrite-timestamp=true", context).Failed(1);
        Assert.Contains("SOURCE_DATE_EPOCH", without.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(bld["p.tar"]));
    }

    [RootFact]
    public void Verify_finds_an_equal_rebuild_equal_and_leaves_nothing_behind()
    {
        using var bld = new Bld();
        string context = bld.Context("c", Dockerfile, ("a", "a\n"), ("dir/b", "b\n"));
        bld.Ok(["build", .. bases.Mirror, "--timestamp", Epoch, "-o", "type=image,name=t,rewrite-timestamp=true", context]);
        string[] before = Files(bld);
        CommandResult verify = bld.Ok(["verify", .. bases.Mirror, "--rewrite-timestamp", "t", context]);
        Assert.EndsWith("t: equal\n", verify.Output, StringComparison.Ordinal);
        Assert.Contains($"SOURCE_DATE_EPOCH={Epoch}", verify.Error, StringComparison.Ordinal);
        Assert.Equal(before, Files(bld));

        // Without the rewriting the times of what RUN wrote differ, and that is said; they may be left out.
        CommandResult times = bld.Run(["verify", .. bases.Mirror, "t", context]).Failed(1);
        Assert.Contains("app/made: mtime 2023-11-14T22:13:20Z -> ", times.Output, StringComparison.Ordinal);
        bld.Ok(["verify", .. bases.Mirror, "--ignore-times", "t", context]);
        Assert.Equal(before, Files(bld));
    }

    [RootFact]
    public void Verify_says_file_by_file_and_field_by_field_what_differs()
    {
        using var bld = new Bld();
        const string Changing = """
            FROM busybox
            COPY a b c /app/
            ARG VALUE
            RUN echo "$VALUE" > /value; ln -s "$VALUE" /link; chown 5:6 /bin/busybox; head -c 9 /dev/urandom > /random
            ENV V=$VALUE
            """;
        string context = bld.Context("c", Changing, ("a", "a\n"), ("b", "b\n"), ("c", "c\n"));
        bld.Ok(["build", .. bases.Mirror, "--build-arg", "VALUE=one", "-t", "t", context]);
        bld.Write("c/a", "other\n");
        new Command("chmod", "600", Path.Combine(context, "b")).Run().Succeeded();
        bld.Write("c/Dockerfile", Changing.Replace("5:6", "7:8", StringComparison.Ordinal).Replace(" c /app/", " /app/", StringComparison.Ordinal));
        CommandResult verify = bld.Run(
            ["verify", .. bases.Mirror, "--ignore-times", "--build-arg", "VALUE=two", "t", context]).Failed(1);
        foreach (string part in (string[])
        [
            "layer 1 of 3: equal", "layer 2 of 3: differs", "app/a: content sha256:", "(2 bytes) -> ", "app/b: mode 0644 -> 0600",
            "app/c: only in the image: a file of 2 bytes", "value: content ", "link: link one -> two",
            "bin/busybox: owner 5:6 -> 7:8", "random: content ", "config config.Env[1]: \"V=one\" -> \"V=two\"", "t: differs",
        ])
        {
            Assert.Contains(part, verify.Output, StringComparison.Ordinal);
        }
    }

    // What is remembered of the context's digests may change: a file that has just been written is not remembered yet.
    private static string[] Files(Bld bld) =>
        [.. Directory.GetFileSystemEntries(Path.Combine(bld.Root, "snapshots"))
            .Concat(Directory.GetFiles(Path.Combine(bld.Root, "blobs"), "*", SearchOption.AllDirectories))
            .Concat(Directory.GetFiles(Path.Combine(bld.Root, "images")))
            .Concat(Directory.GetFiles(Path.Combine(bld.Root, "cache"), "*", SearchOption.AllDirectories))
            .Where(path => !path.Contains("/cache/contexts/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
}

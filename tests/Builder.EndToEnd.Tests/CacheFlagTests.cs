// SPDX-License-Identifier: Apache-2.0

using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary><c>--no-cache</c>, <c>--no-cache-filter</c>, <c>--pull</c>, and several outputs of one build.</summary>
public sealed class CacheFlagTests(Bases bases) : IClassFixture<Bases>
{
    private const string Dockerfile = """
        FROM busybox AS tool
        RUN cat /proc/sys/kernel/random/uuid > /tool-stamp
        FROM busybox
        RUN cat /proc/sys/kernel/random/uuid > /stamp
        COPY --from=tool /tool-stamp /
        """;

    [RootFact]
    public void No_cache_runs_every_step_and_a_filter_those_of_its_stages()
    {
        using var bld = new Bld();
        string context = bld.Context("c", Dockerfile);
        (string tool, string own) = Stamps(bld, context);
        Assert.Equal((tool, own), Stamps(bld, context));
        (string newTool, string sameOwn) = Stamps(bld, context, "--no-cache-filter", "tool");
        Assert.NotEqual(tool, newTool);
        Assert.Equal(own, sameOwn);
        (string lastTool, string lastOwn) = Stamps(bld, context, "--no-cache");
        Assert.NotEqual(newTool, lastTool);
        Assert.NotEqual(own, lastOwn);

        // What was run anew is what the next build finds.
        Assert.Equal((lastTool, lastOwn), Stamps(bld, context));
    }

    [RootFact]
    public void Pull_takes_the_image_that_the_name_means_now()
    {
        using var publisher = new Bld();
        using var bld = new Bld();
        string name = $"{bases.Registry}/pull/base:1";
        string context = bld.Context("c", $"FROM {name}\nRUN cat /version > /seen\n");
        Publish(publisher, name, "one");
        Assert.Equal("one", Seen(bld, context));
        Publish(publisher, name, "two");
        Assert.Equal("one", Seen(bld, context));
        Assert.Equal("one", Seen(bld, context, "--pull=never"));
        Assert.Equal("two", Seen(bld, context, "--pull"));
        Assert.Equal("two", Seen(bld, context));

        using var empty = new Bld();
        string other = empty.Context("c", $"FROM {name}\n");
        CommandResult never = empty.Run("build", "--pull=never", other).Failed(1);
        Assert.Contains("bld pull", never.Error, StringComparison.Ordinal);
    }

    [RootFact]
    public void One_build_writes_several_outputs()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM busybox\nRUN echo x > /x\n");
        string pushed = $"{bases.Registry}/several/out:1";
        bld.Ok([
            "build", .. bases.Mirror, "-o", "type=image,name=t", "-o", $"type=oci,dest={bld["o.tar"]}",
            "-o", $"type=docker,dest={bld["d.tar"]}", "-o", $"type=local,dest={bld["files"]}", "-o", $"type=tar,dest={bld["f.tar"]}",
            "-o", $"type=registry,name={pushed}", "--iidfile", bld["iid"], context]);
        string id = File.ReadAllText(bld["iid"]);
        Assert.Equal(id, bld.Ok("image", "inspect", "-f", "{{.Id}}", "t").Text);
        Assert.Equal("x\n", File.ReadAllText(bld["files/x"]));
        Assert.Equal("x\n", new Command("tar", "-xOf", bld["f.tar"], "x").Run().Succeeded().Output);
        foreach (string source in (string[])[$"oci-archive:{bld["o.tar"]}", $"docker-archive:{bld["d.tar"]}", $"docker://{pushed}"])
        {
            string copy = bld[$"copy-{Guid.NewGuid():N}"];
            new Command("skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", source, $"dir:{copy}").Run().Succeeded();
            Assert.True(File.Exists(Path.Combine(copy, id["sha256:".Length..])), source);
        }
    }

    private static void Publish(Bld bld, string name, string version)
    {
        string context = bld.Context($"base-{version}", "FROM scratch\nADD rootfs.tar /\nCOPY version /version\n", ("version", version));
        string busybox = bld["busybox"];
        new Command(Path.Combine(Bases.Repository, "eng", "bases.sh"), "busybox", busybox).Run().Succeeded();
        File.Copy(Path.Combine(busybox, "rootfs.tar"), Path.Combine(context, "rootfs.tar"), overwrite: true);
        bld.Ok("build", "-q", "-t", name, context);
        bld.Ok("push", "-q", name);
    }

    private static string Seen(Bld bld, string context, params string[] options)
    {
        bld.Ok(["build", .. options, "-t", "seen", context]);
        return bld.Ok("run", "--rm", "seen", "cat", "/seen").Text;
    }

    private (string Tool, string Own) Stamps(Bld bld, string context, params string[] options)
    {
        bld.Ok(["build", .. bases.Mirror, .. options, "-t", "t", context]);
        string[] stamps = bld.Ok("run", "--rm", "t", "cat", "/tool-stamp", "/stamp").Lines;
        return (stamps[0], stamps[1]);
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Text.Json;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

public sealed class BuildTests(Bases bases) : IClassFixture<Bases>
{
    private const string Example = """
        FROM busybox
        WORKDIR /app
        COPY requirements.txt /app/
        RUN cat requirements.txt > installed && echo installed
        COPY src/ /app/src/
        EXPOSE 8000
        ENTRYPOINT ["cat", "src/main.py"]
        CMD []
        """;

    [RootFact]
    public void A_second_identical_build_runs_nothing_and_gives_the_same_image()
    {
        using var bld = new Bld();
        string context = bld.Context("app", Example, ("requirements.txt", "x\n"), ("src/main.py", "one\n"));
        bld.Ok(["build", .. bases.Mirror, "--iidfile", bld["first"], "-t", "mi-app:dev", context]);
        CommandResult second =
            bld.Ok(["build", .. bases.Mirror, "--progress", "plain", "--iidfile", bld["second"], context]);
        Assert.Equal(File.ReadAllText(bld["first"]), File.ReadAllText(bld["second"]));
        Assert.Equal(4, Count(second.Error, " CACHED"));
        Assert.DoesNotContain("\ninstalled\n", second.Error, StringComparison.Ordinal);
    }

    [RootFact]
    public void A_changed_source_reruns_only_the_last_copy()
    {
        using var bld = new Bld();
        string context = bld.Context("app", Example, ("requirements.txt", "x\n"), ("src/main.py", "one\n"));
        bld.Ok(["build", .. bases.Mirror, "-t", "mi-app:dev", context]);
        string[] before = bld.DiffIds("mi-app:dev");
        bld.Write("app/src/main.py", "two\n");
        CommandResult second = bld.Ok(["build", .. bases.Mirror, "--progress", "plain", "-t", "mi-app:dev", context]);
        Assert.Equal(3, Count(second.Error, " CACHED"));
        string[] after = bld.DiffIds("mi-app:dev");
        Assert.Equal(before[..^1], after[..^1]);
        Assert.NotEqual(before[^1], after[^1]);
        Assert.Equal("two", bld.Ok("run", "--rm", "mi-app:dev").Text);
    }

    [RootFact]
    public void A_rerun_step_is_explained_by_the_file_that_changed()
    {
        using var bld = new Bld();
        string context = bld.Context("app", Example, ("requirements.txt", "x\n"), ("src/main.py", "one\n"));
        bld.Ok(["build", .. bases.Mirror, "-t", "mi-app:dev", context]);
        bld.Write("app/src/main.py", "two\n");
        CommandResult second = bld.Ok(["build", .. bases.Mirror, "--explain", "-t", "mi-app:dev", context]);
        Assert.Contains("file src/main.py: ", second.Error, StringComparison.Ordinal);
        string why = bld.Ok("why", "mi-app:dev").Text;
        Assert.Equal(3, Count(why, "  cached"));
        Assert.Contains("ran: inputs changed (line 5)\n    file src/main.py: ", why, StringComparison.Ordinal);
        Assert.Equal(why, bld.Ok("why", context).Text);
    }

    [RootFact]
    public void Root_a_user_with_sub_ids_and_one_without_give_the_same_layers_and_owners()
    {
        const string Dockerfile = """
            FROM busybox
            COPY --chown=33:33 a /srv/a
            COPY dir /srv/dir
            RUN echo x > /f && chown 33:33 /f && chmod 4750 /f && ln -s f /l && chown -h 33:33 /l && mkdir /d && chown 7:8 /d
            """;
        var layers = new List<string>();
        var owners = new List<string>();
        foreach (TestUser? user in (TestUser?[])[null, TestUser.WithSubIds, TestUser.WithoutSubIds])
        {
            using var bld = new Bld(user);
            string context = bld.Context("c", Dockerfile, ("a", "a\n"), ("dir/b", "b\n"), ("dir/sub/c", "c\n"));
            bld.Ok(["build", .. bases.Mirror, "-t", "t", context]);
            layers.Add(string.Join(' ', bld.DiffIds("t")[..3]));
            bld.Ok("save", "-o", bld["t.tar"], "t");
            owners.Add(LastLayerListing(bld, bld["t.tar"]));
            // and a later step sees the same owners
            string stat = bld.Ok("run", "--rm", "t", "stat", "-c", "%n %u:%g %a", "/f", "/d", "/srv/a").Text;
            Assert.Equal("/f 33:33 4750\n/d 7:8 755\n/srv/a 33:33 644", stat);
        }

        Assert.Equal(layers[0], layers[1]);
        Assert.Equal(layers[0], layers[2]);
        Assert.Equal(owners[0], owners[1]);
        Assert.Equal(owners[0], owners[2]);
        Assert.Contains("-rwsr-x--- 33/33", owners[0], StringComparison.Ordinal);
        Assert.Contains("lrwxrwxrwx 33/33", owners[0], StringComparison.Ordinal);
        Assert.Contains("drwxr-xr-x 7/8", owners[0], StringComparison.Ordinal);
    }

    [RootFact]
    public void Stages_that_the_target_does_not_need_are_not_built()
    {
        using var bld = new Bld();
        string context = bld.Context("c", """
            FROM busybox AS broken
            RUN false
            FROM busybox AS tool
            RUN echo made > /made
            FROM scratch AS final
            COPY --from=tool /made /made
            """);
        bld.Ok(["build", .. bases.Mirror, "-o", $"type=local,dest={bld["out"]}", context]);
        Assert.Equal("made\n", File.ReadAllText(bld["out/made"]));
        Assert.Equal(1, bld.Run(["build", .. bases.Mirror, "--target", "broken", context]).ExitCode);
    }

    [RootFact]
    public void A_failing_run_says_where_and_leaves_no_image_and_no_debris()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM busybox\nRUN echo oops >&2; exit 7\n");
        CommandResult result = bld.Run(["build", .. bases.Mirror, "-t", "broken", context]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("exit status 7", result.Error, StringComparison.Ordinal);
        Assert.Contains("Dockerfile:2", result.Error, StringComparison.Ordinal);
        Assert.Contains(">>> RUN echo oops", result.Error, StringComparison.Ordinal);
        Assert.Contains("oops", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("broken", bld.Ok("images").Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(bld.Root, "tmp")));
        Assert.DoesNotContain(bld.Root, File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
    }

    [RootFact]
    public void Metadata_and_ids_are_written_to_the_files_asked_for()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM scratch\nCOPY a /\nLABEL x=y\n", ("a", "a"));
        CommandResult quiet = bld.Ok(
            "build", "-q", "--iidfile", bld["iid"], "--metadata-file", bld["metadata"], "-t", "one", "-t", "two:x", context);
        string id = File.ReadAllText(bld["iid"]);
        Assert.Equal(id, quiet.Text);
        Assert.Equal(id, bld.Ok("image", "inspect", "-f", "{{.Id}}", "two:x").Text);
        using JsonDocument metadata = JsonDocument.Parse(File.ReadAllText(bld["metadata"]));
        Assert.Equal(id, metadata.RootElement.GetProperty("containerimage.config.digest").GetString());
        Assert.StartsWith("sha256:", metadata.RootElement.GetProperty("containerimage.digest").GetString(), StringComparison.Ordinal);
    }

    [RootFact]
    public void Secrets_reach_the_step_and_nothing_else()
    {
        using var bld = new Bld();
        string secret = bld.Write("secret", "s3cr3t-value");
        string context = bld.Context("c", """
            FROM busybox
            RUN --mount=type=secret,id=s cat /run/secrets/s | wc -c > /length
            """);
        bld.Ok(["build", .. bases.Mirror, "--secret", $"id=s,src={secret}", "-t", "t", context]);
        Assert.Equal("12", bld.Ok("run", "--rm", "t", "cat", "/length").Text.Trim());
        CommandResult grep = new Command("grep", "-rlF", "s3cr3t-value", bld.Root).Run();
        Assert.Equal("", grep.Output);
    }

    private static string LastLayerListing(Bld bld, string archive)
    {
        string directory = bld[$"layout-{Guid.NewGuid():N}"];
        new Command("skopeo", "--insecure-policy", "copy", "-q", $"docker-archive:{archive}", $"dir:{directory}").Run().Succeeded();
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(directory, "manifest.json")));
        JsonElement layers = manifest.RootElement.GetProperty("layers");
        string digest = layers[layers.GetArrayLength() - 1].GetProperty("digest").GetString()!;
        CommandResult list = new Command(
            "tar", "--numeric-owner", "-tvf", Path.Combine(directory, digest["sha256:".Length..])).Run().Succeeded();
        // owner, mode and name; not the time
        return string.Join('\n', list.Lines.Select(line =>
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return $"{words[0]} {words[1]} {string.Join(' ', words[5..])}";
        }));
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;
}

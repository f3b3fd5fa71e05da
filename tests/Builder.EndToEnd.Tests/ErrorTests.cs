// SPDX-License-Identifier: Apache-2.0

using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

public sealed class ErrorTests : IClassFixture<Bases>
{
    private readonly Bases _bases;

    public ErrorTests(Bases bases)
    {
        _bases = bases;
    }

    public static TheoryData<string, string[]> Failures => new()
    {
        { "FROM scratch\nCOPPY a /\n", ["Dockerfile:2", "unknown instruction: COPPY", "did you mean COPY"] },
        { "FROM scratch\nCOPY missing /x\n", ["Dockerfile:2", "missing", "not found"] },
        { "FROM scratch\nCOPY --from=nowhere a /\n", ["Dockerfile:2", "nowhere"] },
        { "FROM scratch\nCOPY --frm=x a /\n", ["Dockerfile:2", "unknown flag: --frm", "--from"] },
        { "FROM 127.0.0.1:1/none/none\n", ["Dockerfile:1", "127.0.0.1:1", "refused"] },
        { "FROM scratch\nRUN <<EOF\necho\n", ["Dockerfile:2", "unterminated heredoc"] },
        { "FROM scratch\nWORKDIR ${x\n", ["Dockerfile:2", "'}'"] },
        { "FROM scratch\nRUN true\n", ["Dockerfile:2", "/bin/sh"] },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void A_failure_says_its_place_and_its_cause(string dockerfile, string[] parts)
    {
        using var bld = new Bld();
        string context = bld.Context("c", dockerfile, ("a", "a"));
        CommandResult result = bld.Run(["build", .. _bases.Mirror, "-t", "t", context]);
        Assert.Equal(1, result.ExitCode);
        Assert.All(parts, part => Assert.Contains(part, result.Error, StringComparison.Ordinal));
        Assert.DoesNotContain("   at Builder.", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("\nt ", bld.Ok("images").Output, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Places => new()
    {
        { "COPY a missing /x/", ":2:8" },
        { "COPY --chown=nosuch:root a /", ":2:14" },
        { "COPY --chmod=u=q a /", ":2:14" },
        { "ADD http://127.0.0.1:1/x /", ":2:5" },
        { "RUN --device=gpu true", ":2:14" },
    };

    [Theory]
    [MemberData(nameof(Places))]
    public void A_failure_points_at_the_word_that_is_wrong(string instruction, string place)
    {
        using var bld = new Bld();
        string context = bld.Context("c", $"FROM scratch\n{instruction}\n", ("a", "a"));
        CommandResult result = bld.Run("build", context).Failed(1);
        Assert.Contains($" --> Dockerfile{place}\n", result.Error, StringComparison.Ordinal);
    }

    [RootFact]
    public void A_failure_says_what_to_do_about_a_context_that_is_only_a_dockerfile()
    {
        using var bld = new Bld();
        CommandResult result = bld.Command("build", "-").Input("FROM scratch\nCOPY a /\n").Run().Failed(1);
        Assert.Contains("the build context is empty", result.Error, StringComparison.Ordinal);
        Assert.Contains("give a directory as the context", result.Error, StringComparison.Ordinal);
    }

    [RootFact]
    public void An_unknown_target_is_named_with_a_suggestion()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM scratch AS build\nCOPY a /\n", ("a", "a"));
        CommandResult result = bld.Run("build", "--target", "biuld", context).Failed(1);
        Assert.Contains("biuld", result.Error, StringComparison.Ordinal);
        Assert.Contains("build", result.Error, StringComparison.Ordinal);
    }

    [RootFact]
    public void Wrong_usage_has_its_own_status()
    {
        using var bld = new Bld();
        Assert.Equal(2, bld.Run("build", "--no-such-flag", ".").ExitCode);
        Assert.Equal(2, bld.Run("biuld", ".").ExitCode);
    }

    [RootFact]
    public void A_full_disk_is_an_error_and_not_a_broken_store()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM scratch\nCOPY big /\n", ("small", "s"));
        new Command("dd", "if=/dev/urandom", $"of={context}/big", "bs=1M", "count=24").Run().Succeeded();
        Directory.CreateDirectory(bld["small"]);
        new Command("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", bld["small"]).Run().Succeeded();
        try
        {
            string root = bld["small/store"];
            CommandResult full = bld.Run("build", "--root", root, "-t", "t", context).Failed(1);
            Assert.Contains("no space left", full.Error, StringComparison.OrdinalIgnoreCase);
            Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(root, "tmp")));
            File.WriteAllText(Path.Combine(context, "big"), "small now");
            bld.Ok("build", "--root", root, "-t", "t", context);
        }
        finally
        {
            new Command("umount", "-l", bld["small"]).Run();
        }
    }

    [RootFact]
    public void A_step_that_fills_the_disk_leaves_a_sound_store_that_works_again()
    {
        using var bld = new Bld();
        string big = bld.Context("big", "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=64\n");
        string small = bld.Context("small", "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=4\nRUN echo y > /y\n");
        Directory.CreateDirectory(bld["disk"]);
        new Command("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", bld["disk"]).Run().Succeeded();
        try
        {
            string root = bld["disk/store"];
            CommandResult full = bld.Run(["build", .. _bases.Mirror, "--root", root, "-t", "t", big]).Failed(1);
            Assert.Contains("No space left on device", full.Error, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(root, "tmp")));
            bld.Ok("system", "check", "--root", root);

            // Full because of somebody else; then there is room again.
            new Command("dd", "if=/dev/zero", $"of={bld["disk/foreign"]}", "bs=1M", "count=64").Run();
            CommandResult none = bld.Run(["build", .. _bases.Mirror, "--root", root, "-t", "t", small]).Failed(1);
            Assert.Contains("no space left", none.Error, StringComparison.Ordinal);
            Assert.Contains("free some space", none.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("--debug", none.Error, StringComparison.Ordinal);
            File.Delete(bld["disk/foreign"]);
            bld.Ok(["build", .. _bases.Mirror, "--root", root, "-t", "t", small]);
            Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(root, "tmp")));
            bld.Ok("system", "check", "--root", root);
        }
        finally
        {
            new Command("umount", "-l", bld["disk"]).Run();
        }
    }
}

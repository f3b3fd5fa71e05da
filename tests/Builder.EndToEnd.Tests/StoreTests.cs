// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text.Json;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary><c>system check</c>, <c>system df</c>, the prune commands, and the limits that hold by themselves.</summary>
public sealed class StoreTests(Bases bases) : IClassFixture<Bases>
{
    private const string Dockerfile = """
        FROM busybox
        COPY a /a
        RUN --mount=type=cache,target=/c,id=numbers seq 20000 > /c/n; seq 1000 > /numbers
        """;

    [RootFact]
    public void A_sound_store_with_a_container_and_a_volume_is_called_sound()
    {
        using var bld = Build(out _);
        bld.Ok("run", "-d", "--name", "c", "-v", "data:/v", "t", "sleep", "60");
        CommandResult check = bld.Ok("system", "check");
        Assert.Contains("is sound", check.Output, StringComparison.Ordinal);
        Assert.Equal("", bld.Ok("system", "check", "-q").Output);
    }

    [RootFact]
    public void What_was_damaged_is_named_and_repaired_and_made_again()
    {
        using var bld = Build(out string context);
        string[] layers = bld.DiffIds("t");
        string made = Path.Combine(bld.Root, "snapshots", layers[^1]["sha256:".Length..], "fs", "numbers");
        string unpacked = Path.Combine(bld.Root, "snapshots", layers[0]["sha256:".Length..], "fs", "etc", "passwd");
        string blob = Directory.GetFiles(Path.Combine(bld.Root, "blobs", "sha256")).OrderBy(path => new FileInfo(path).Length).Last();
        string record = Directory.GetFiles(Path.Combine(bld.Root, "cache"), "*", SearchOption.AllDirectories)
            .First(path => Path.GetFileName(path).Length == 62);
        foreach (string path in (string[])[made, unpacked, record])
        {
            Damage(path);
        }

        File.WriteAllText(Path.Combine(bld.Root, "refs", "stray"), "nonsense");
        CommandResult check = bld.Run("system", "check").Failed(1);
        foreach (string part in (string[])
        [
            $"damaged: snapshots: {layers[^1]}", $"damaged: snapshots: {layers[0]}",
            $"damaged: cache: {Path.GetRelativePath(bld.Root, record)}", "damaged: names: refs/stray", "--repair",
        ])
        {
            Assert.Contains(part, check.Output, StringComparison.Ordinal);
        }

        bld.Run("system", "check").Failed(1);
        CommandResult repair = bld.Ok("system", "check", "--repair");
        Assert.Contains($"repaired: snapshots: {layers[^1]}", repair.Output, StringComparison.Ordinal);
        bld.Ok("system", "check");
        bld.Ok(["build", .. bases.Mirror, "--timestamp", "1700000000", "-t", "t", context]);
        bld.Ok("system", "check");
        Assert.Equal("1000", bld.Ok("run", "--rm", "t", "tail", "-n", "1", "/numbers").Text);
        Assert.Equal("root", bld.Ok("run", "--rm", "t", "id", "-un").Text);

        // A blob that a registry has: the snapshot made of it is no worse for it.
        Damage(blob);
        CommandResult blobs = bld.Run("system", "check", "--format", "{{.Area}} {{.Subject}}").Failed(1);
        Assert.Equal($"blobs sha256:{Path.GetFileName(blob)}", blobs.Text);
        bld.Ok("system", "check", "--repair");
        bld.Ok("system", "check");
        Assert.Equal("root", bld.Ok("run", "--rm", "t", "id", "-un").Text);
    }

    [RootFact]
    public void A_damaged_container_is_put_aside_and_nothing_of_it_is_lost()
    {
        using var bld = Build(out _);
        string id = bld.Ok("create", "--name", "c", "t", "true").Text;
        string document = Path.Combine(bld.Root, "containers", id, "container.json");
        File.WriteAllText(document, "{");
        File.SetLastWriteTimeUtc(Path.GetDirectoryName(document)!, DateTime.UnixEpoch);
        bld.Ok("ps", "-a");
        Assert.Contains("container.json is damaged", bld.Run("system", "check").Failed(1).Output, StringComparison.Ordinal);
        bld.Ok("system", "check", "--repair");
        Assert.True(File.Exists(Path.Combine(bld.Root, "quarantine", $"containers-{id}", "container.json")));
        bld.Ok("system", "check");
        bld.Ok("create", "--name", "c", "t", "true");
    }

    [RootFact]
    public void Builder_prune_takes_what_no_image_needs_and_with_all_everything()
    {
        using var bld = Build(out string context);
        CommandResult prune = bld.Ok("builder", "prune", "-f");
        Assert.Contains("exec.cachemount", prune.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("regular", prune.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(bld.Root, "mounts")));
        Assert.Equal(2, Cached(bld, context));

        // Without the image its steps are nobody's but the cache's: they stay until they are pruned.
        bld.Ok("rmi", "t");
        Assert.Equal(2, Cached(bld, context));
        bld.Ok("rmi", "t");
        Assert.Contains("regular", bld.Ok("builder", "prune", "-f").Output, StringComparison.Ordinal);
        Assert.Equal(0, Cached(bld, context));
        bld.Ok("builder", "prune", "-af");
        Assert.Equal(0, Cached(bld, context));
        bld.Ok("system", "check");
    }

    [RootFact]
    public void Filters_and_limits_choose_what_is_pruned()
    {
        using var bld = Build(out _);
        bld.Ok("rmi", "t");
        Assert.Equal(["Total:\t0B"], bld.Ok("builder", "prune", "-f", "--filter", "until=1h").Lines);
        Assert.Equal(["Total:\t0B"], bld.Ok("builder", "prune", "-f", "--max-used-space", "1GB").Lines);
        Assert.Equal(["Total:\t0B"], bld.Ok("builder", "prune", "-f", "--keep-storage", "1GB").Lines);
        string mounts = bld.Ok("builder", "prune", "-f", "--filter", "type=exec.cachemount").Output;
        Assert.Contains("exec.cachemount", mounts, StringComparison.Ordinal);
        Assert.DoesNotContain("regular", mounts, StringComparison.Ordinal);
        string step = bld.Ok("builder", "prune", "-f", "--verbose", "--filter", "description~=numbers").Output;
        Assert.Contains("regular", step, StringComparison.Ordinal);
        Assert.DoesNotContain("COPY", step, StringComparison.Ordinal);
        Assert.Contains("COPY", bld.Ok("builder", "prune", "-f", "--verbose", "--min-free-space", "1000000GB").Output, StringComparison.Ordinal);
        Assert.Equal(2, bld.Run("builder", "prune", "-f", "--filter", "colour=red").ExitCode);
        Assert.Equal(2, bld.Run("builder", "prune", "-f", "--max-used-space", "much").ExitCode);
    }

    [RootFact]
    public void Pruning_while_a_build_runs_takes_nothing_from_it_and_its_end_gives_the_room_back()
    {
        using var bld = Build(out _);
        bld.Ok("rmi", "t");
        string slow = bld.Context("slow", """
            FROM busybox
            COPY a /a
            RUN sleep 3; seq 10 > /ten
            RUN wc -l /ten /a
            """, ("a", "a\n"));
        Command command = bld.Command(["build", .. bases.Mirror, "-q", "-t", "slow", slow]);
        Task<CommandResult> build = Task.Run(command.Run, TestContext.Current.CancellationToken);
        SpinWait.SpinUntil(() => new Command("pgrep", "-f", "sleep 3; seq 10").Run().ExitCode == 0, 20_000);
        CommandResult prune = bld.Ok("builder", "prune", "-af");
        Assert.Contains("another bld uses the store", prune.Error, StringComparison.Ordinal);
        bld.Ok("image", "prune", "-f");
        build.GetAwaiter().GetResult().Succeeded();
        bld.Ok("system", "check");
        Assert.Equal("10", bld.Ok("run", "--rm", "slow", "tail", "-n", "1", "/ten").Text);

        // The layer of the forgotten step, which the running build did not use, is gone since the build ended.
        Assert.DoesNotContain(
            new DirectoryInfo(Path.Combine(bld.Root, "snapshots")).EnumerateDirectories(),
            snapshot => File.Exists(Path.Combine(snapshot.FullName, "fs", "numbers")));
    }

    [RootFact]
    public void A_running_container_keeps_its_file_system_whatever_is_pruned()
    {
        using var bld = Build(out _);
        bld.Ok("run", "-d", "--name", "c", "t", "sleep", "60");
        bld.Ok("rmi", "-f", "t");
        bld.Ok("system", "prune", "-af", "--volumes");
        bld.Ok("builder", "prune", "-af");
        Assert.Equal("1000", bld.Ok("exec", "c", "tail", "-n", "1", "/numbers").Text);
        bld.Ok("rm", "-f", "c");
        bld.Ok("system", "prune", "-af");
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(bld.Root, "snapshots")));
        bld.Ok("system", "check");
    }

    [RootFact]
    public void Builds_keep_the_cache_within_its_limits_by_themselves()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM busybox\nARG N\nRUN head -c 3000000 /dev/urandom > /r$N\n");
        for (int i = 0; i < 4; i++)
        {
            ForgetCollection(bld);
            bld.Command(["build", .. bases.Mirror, "-q", "--build-arg", $"N={i}", context])
                .With("BLD_GC_RESERVED_SPACE", "1").With("BLD_GC_MAX_USED_SPACE", "7MB").Run().Succeeded();
            bld.Ok("rmi", "-f", bld.Ok("images", "-q", "--filter", "dangling=true").Lines[0]);
        }

        Assert.InRange(CacheBytes(bld), 8_000_000, 10_000_000); // three of four
        Assert.Equal(1, Cached(bld, context, "--build-arg", "N=3"));
        Assert.Equal(0, Cached(bld, context, "--build-arg", "N=0"));

        // Within the hour, and when it is switched off, nothing is looked at.
        ForgetCollection(bld);
        bld.Command(["build", .. bases.Mirror, "-q", "--build-arg", "N=9", context])
            .With("BLD_GC", "off").With("BLD_GC_MAX_USED_SPACE", "1").Run().Succeeded();
        Assert.False(File.Exists(Path.Combine(bld.Root, "locks", "collected")));
        Assert.Equal(1, Cached(bld, context, "--build-arg", "N=9"));
        Assert.Equal(2, bld.Command("build", context).With("BLD_GC_MAX_USED_SPACE", "lots").Run().ExitCode);
    }

    [RootFact]
    public void Files_that_layers_share_are_counted_once()
    {
        using var bld = new Bld();
        string context = bld.Context(
            "c", "FROM scratch\nCOPY files /files\n",
            [.. Enumerable.Range(0, 100).Select(i => ($"files/f{i}", new string('x', 40_000)))]);
        bld.Ok("build", "-q", "-t", "one", context);
        long before = ImageBytes(bld);
        bld.Write("c/files/f1", "changed\n");
        bld.Ok("build", "-q", "-t", "two", context);
        long after = ImageBytes(bld);
        Assert.InRange(before, 4_000_000, 4_500_000);
        Assert.InRange(after - before, 1, 500_000);
        CommandResult details = bld.Ok("system", "df", "-v");
        Assert.Contains("COPY files /files", details.Output, StringComparison.Ordinal);
    }

    // As if the hour between two collections were over.
    private static void ForgetCollection(Bld bld) => new Command("rm", "-f", Path.Combine(bld.Root, "locks", "collected")).Run();

    private static void Damage(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = file.Length / 2;
        int value = file.ReadByte();
        file.Position--;
        file.WriteByte((byte)(value ^ 1));
    }

    private static long ImageBytes(Bld bld) => Size(bld, "Images");

    private static long CacheBytes(Bld bld) => Size(bld, "Build Cache");

    private static long Size(Bld bld, string type)
    {
        foreach (string line in bld.Ok("system", "df", "--format", "json").Lines)
        {
            using JsonDocument row = JsonDocument.Parse(line);
            if (row.RootElement.GetProperty("Type").GetString() == type)
            {
                string text = row.RootElement.GetProperty("Size").GetString()!;
                string unit = text.TrimStart("0123456789.".ToCharArray());
                return (long)(double.Parse(text[..^unit.Length], CultureInfo.InvariantCulture)
                    * unit switch { "B" => 1, "kB" => 1e3, "MB" => 1e6, _ => 1e9 });
            }
        }

        return -1;
    }

    private Bld Build(out string context)
    {
        var bld = new Bld();
        context = bld.Context("c", Dockerfile, ("a", "a\n"));
        bld.Ok(["build", .. bases.Mirror, "--timestamp", "1700000000", "-t", "t", context]);
        return bld;
    }

    private int Cached(Bld bld, string context, params string[] options) => bld
        .Ok(["build", .. bases.Mirror, .. options.Length == 0 ? ["--timestamp", "1700000000"] : options, "--progress", "plain", "-t", "t", context])
        .Error.Split(" CACHED").Length - 1;
}

// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Globalization;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>
/// Invariant 3 under several processes: builds of overlapping Dockerfiles on one store, killed at random. BLD_TEST_KILLS
/// says how many are killed (default 20).
/// </summary>
public sealed class SideBySideCrashTests(Bases bases) : IClassFixture<Bases>
{
    private const string Marker = "side-by-side-marker";
    private const string Epoch = "1700000000";

    // Every RUN is deterministic: also its layer must be the same whatever was killed before.
    private static readonly string[] s_dockerfiles =
    [
        $"""
        FROM busybox
        COPY files /files
        RUN : {Marker}; for i in $(seq 60); do echo $i > /files/r$i; done; touch -d @0 /files /files/*
        COPY files /again
        """,
        $"""
        FROM busybox
        COPY files /files
        RUN : {Marker}; for i in $(seq 60); do echo $i > /files/r$i; done; touch -d @0 /files /files/*
        RUN : {Marker}; rm -rf /files; mkdir /files; echo done > /files/x; touch -d @0 /files /files/x
        """,
        $"""
        FROM busybox AS made
        RUN : {Marker}; mkdir /out; dd if=/dev/zero of=/out/big bs=64k count=40 2>/dev/null; sleep 0.05; touch -d @0 /out /out/big
        FROM busybox
        COPY --from=made /out /out
        COPY files/f1 files/f2 /two/
        """,
        $"""
        FROM busybox
        COPY files /files
        RUN --mount=type=cache,target=/c : {Marker}; date > /c/$(date +%N); mkdir /d; echo x > /d/x; sleep 0.02; touch -d @0 /d /d/x
        WORKDIR /d/e
        ADD files /d/
        """,
    ];

    [RootFact]
    public void Builds_killed_side_by_side_corrupt_nothing()
    {
        int kills = Environment.GetEnvironmentVariable("BLD_TEST_KILLS") is { Length: > 0 } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : 20;
        using var undisturbed = new Bld();
        using var bld = new Bld();
        string[] expected = BuildAll(undisturbed);
        string[] contexts = Contexts(bld);
        var chance = new System.Random(20261126);
        int killed = 0;
        for (int round = 0; killed < kills; round++)
        {
            Process[] builds = [.. contexts.Select(context => Start(bld, context, fresh: chance.Next(3) == 0))];
            foreach (Process build in builds)
            {
                killed += KillAfter(build, chance.Next(1, 250), group: chance.Next(2) == 0) ? 1 : 0;
            }

            // Also in the middle of everything: one build is still being undone while the check runs.
            using Process late = Start(bld, contexts[round % contexts.Length], fresh: true);
            CommandResult check = bld.Run("system", "check");
            Assert.True(check.ExitCode == 0, check.ToString());
            killed += KillAfter(late, 1, group: true) ? 1 : 0;
        }

        Assert.Equal(expected, BuildAll(bld));
        bld.Ok("system", "check");
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(bld.Root, "tmp")));
        Assert.DoesNotContain(bld.Root, File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
        Assert.Equal("", new Command("pgrep", "-f", Marker).Run().Output);

        // What killed processes left of locks goes with the next collection.
        bld.Ok("builder", "prune", "-f");
        Assert.DoesNotContain(
            Directory.GetFiles(Path.Combine(bld.Root, "locks")), path => Path.GetFileName(path).Length == 32);
        bld.Ok("system", "check");
    }

    private static string[] Contexts(Bld bld) =>
        [.. s_dockerfiles.Select((dockerfile, index) => bld.Context(
            $"c{index}", dockerfile, [.. Enumerable.Range(0, 150).Select(i => ($"files/f{i}", new string('x', i * 40)))]))];

    // In a session of its own, so that the whole group can be killed.
    private Process Start(Bld bld, string context, bool fresh) => new Command(
            "setsid",
            [Bld.Executable, "build", .. bases.Mirror, "--timestamp", Epoch, .. fresh ? ["--no-cache"] : Array.Empty<string>(), "-q", "-t", Path.GetFileName(context), context])
        .With("BLD_ROOT", bld.Root).Start();

    private static bool KillAfter(Process build, int milliseconds, bool group)
    {
        using (build)
        {
            bool ended = build.WaitForExit(milliseconds);
            if (!ended)
            {
                new Command("kill", "-9", "--", group ? $"-{build.Id}" : $"{build.Id}").Run();
            }

            build.WaitForExit();
            return !ended;
        }
    }

    private string[] BuildAll(Bld bld) => [.. Contexts(bld).SelectMany(context =>
    {
        bld.Ok(["build", .. bases.Mirror, "--timestamp", Epoch, "-t", Path.GetFileName(context), context]);
        return bld.DiffIds(Path.GetFileName(context));
    })];
}

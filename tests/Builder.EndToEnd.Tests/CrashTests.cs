// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>Invariant 3: kill -9 at any moment loses nothing that was reported done, and nothing trips later runs.</summary>
public sealed class CrashTests(Bases bases) : IClassFixture<Bases>
{
    private const int Kills = 20;

    [RootFact]
    public void Killed_builds_leave_nothing_that_a_later_build_trips_over()
    {
        using var undisturbed = new Bld();
        using var bld = new Bld();
        string[] expected = DiffIds(undisturbed, Context(undisturbed));
        string context = Context(bld);
        var delays = new System.Random(20261124);
        for (int kill = 0; kill < Kills; kill++)
        {
            string[] fresh = kill % 5 == 4 ? ["--no-cache"] : [];
            using Process build = bld.Command(["build", .. bases.Mirror, .. fresh, "-t", "t", context]).Start();
            if (!build.WaitForExit(delays.Next(5, 400)))
            {
                build.Kill();
            }

            build.WaitForExit();
        }

        Assert.Equal(expected, DiffIds(bld, context));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(bld.Root, "tmp")));
        Assert.DoesNotContain(bld.Root, File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
        // no step outlived its builder
        Assert.Equal("", new Command("pgrep", "-f", "crash-test-marker").Run().Output);
    }

    private static string Context(Bld bld) =>
        bld.Context(
            "c",
            """
            FROM busybox
            COPY files /files
            RUN : crash-test-marker; for i in $(seq 200); do echo $i > /files/r$i; done; touch -d @0 /files /files/*
            COPY files /again
            """,
            [.. Enumerable.Range(0, 500).Select(i => ($"files/f{i}", new string('x', i * 40)))]);

    private string[] DiffIds(Bld bld, string context)
    {
        bld.Ok(["build", .. bases.Mirror, "-t", "t", context]);
        string[] layers = bld.DiffIds("t");
        // RUN's times differ from run to run: compare its files, and the other layers by digest
        string listing = bld.Ok("run", "--rm", "t", "sh", "-c", "cd /files; cat r*; ls | wc -l; ls /again | wc -l").Output;
        return [layers[0], layers[1], layers[3], listing];
    }
}

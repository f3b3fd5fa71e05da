// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>Ctrl-C and SIGTERM: steps end at once, what finished is kept, the next build goes on from there.</summary>
public sealed class InterruptionTests(Bases bases) : IClassFixture<Bases>
{
    private const string Dockerfile = """
        FROM busybox
        RUN echo finished > /finished
        RUN trap '' INT TERM; : interruption-marker; sleep 30; true
        """;

    [RootFact]
    public void A_signal_ends_the_build_at_once_and_keeps_what_finished()
    {
        foreach ((TestUser? user, string signal, int status) in new (TestUser?, string, int)[]
        {
            (null, "INT", 130), (null, "TERM", 143), (TestUser.WithSubIds, "TERM", 143), (TestUser.WithoutSubIds, "INT", 130),
        })
        {
            using var bld = new Bld(user);
            string context = bld.Context("c", Dockerfile);
            using Process build = Start(bld, user, context);
            WaitForStep();
            Send(build, signal);
            Assert.True(build.WaitForExit(10_000));
            Assert.Equal(status, build.ExitCode);
            Assert.Equal("", new Command("pgrep", "-f", "interruption-marker").Run().Output);
            Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(bld.Root, "tmp")));
            bld.Ok("system", "check");
            bld.Write("c/Dockerfile", Dockerfile.Replace("sleep 30; ", "", StringComparison.Ordinal));
            CommandResult next = bld.Ok(["build", .. bases.Mirror, "--progress", "plain", context]);
            Assert.Single(next.Error.Split('\n'), line => line.EndsWith(" CACHED", StringComparison.Ordinal));
        }
    }

    [RootFact]
    public void A_second_signal_kills_and_the_next_build_clears_up()
    {
        using var bld = new Bld();
        string context = bld.Context("c", Dockerfile);
        using Process build = Start(bld, null, context);
        WaitForStep();
        Send(build, "INT");
        new Command("kill", "-INT", $"{build.Id}").Run();
        Assert.True(build.WaitForExit(10_000));
        Assert.Equal(130, build.ExitCode);
        SpinWait.SpinUntil(() => new Command("pgrep", "-f", "interruption-marker").Run().Output.Length == 0, 5_000);
        Assert.Equal("", new Command("pgrep", "-f", "interruption-marker").Run().Output);
        bld.Write("c/Dockerfile", "FROM busybox\nRUN echo next > /next\n");
        string tmp = Path.Combine(bld.Root, "tmp");
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                // What the killed build started may take a moment to end, and holds its directory so long.
                bld.Ok(["build", .. bases.Mirror, "--no-cache", context]);
                return Directory.GetFileSystemEntries(tmp).Length == 0;
            },
            20_000));
        bld.Ok("system", "check");
    }

    private static void WaitForStep() => Assert.True(SpinWait.SpinUntil(
        () => new Command("pgrep", "-f", "^/bin/sh -c trap.*interruption-marker").Run().Output.Length > 0, 30_000));

    private static void Send(Process build, string signal) =>
        new Command("kill", $"-{signal}", $"{build.Id}").Run().Succeeded();

    // A background job of a shell ignores SIGINT, and so does what it starts: here it must not.
    private Process Start(Bld bld, TestUser? user, string context)
    {
        string[] line = ["--default-signal=INT", $"BLD_ROOT={bld.Root}", Bld.Executable, "build", .. bases.Mirror, "-q", context];
        Process build = (user is null ? new Command("env", line) : user.Run("env", line)).Start();
        build.StandardInput.Close();
        return build;
    }
}

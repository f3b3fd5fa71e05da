// SPDX-License-Identifier: Apache-2.0

using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>Limits by control groups: those of the machine, and the unified hierarchy in a mount namespace of its own.</summary>
public sealed class LimitTests(Bases bases) : IClassFixture<Bases>
{
    // tail keeps what it reads: twice the limit does not fit.
    private const string Hungry = "head -c 128m /dev/zero | tail -c 128m > /dev/null; echo status $?";

    [RootFact]
    public void Memory_and_processes_are_limited_and_the_group_goes_with_the_container()
    {
        using var bld = new Bld();
        bld.Ok("load", "-q", "-i", bases.Archive);

        CommandResult hungry = bld.Run("run", "--rm", "--memory", "64m", "busybox", "sh", "-c", Hungry);
        CommandResult many = bld.Run(
            "run", "--rm", "--pids-limit", "4", "busybox", "sh", "-c", "for i in 1 2 3 4 5 6; do sleep 1 & done; wait");
        CommandResult slow = bld.Ok("run", "--rm", "--cpus", "0.5", "busybox", "cat", "/proc/self/cgroup");

        Assert.True(hungry.ExitCode == 137 || hungry.Output.Contains("status 137", StringComparison.Ordinal), hungry.ToString());
        Assert.Contains("can't fork", many.Error, StringComparison.Ordinal);
        Assert.Contains("cpu", slow.Output, StringComparison.Ordinal);
        Assert.Empty(Command.Shell("find /sys/fs/cgroup -maxdepth 6 -type d -name 'bld-*' 2> /dev/null || true").Lines);
    }

    [RootFact]
    public void A_limit_that_cannot_be_had_is_an_error()
    {
        using var bld = new Bld();
        bld.Ok("load", "-q", "-i", bases.Archive);

        CommandResult result = new Command(
            "unshare", "-m", "sh", "-c",
            "mount --make-rprivate / && umount -l /sys/fs/cgroup && exec \"$0\" run --rm --memory 64m busybox true",
            Bld.Executable).With("BLD_ROOT", bld.Root).Run();

        Assert.Equal(125, result.ExitCode);
        Assert.Contains("limit memory of the container", result.Error, StringComparison.Ordinal);
    }
}

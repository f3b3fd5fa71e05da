// SPDX-License-Identifier: Apache-2.0

using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>Limits by control groups: root's own, and those that root delegates to a user.</summary>
public sealed class LimitTests(Bases bases) : IClassFixture<Bases>
{
    // tail keeps what it reads: twice the limit does not fit.
    private const string Hungry = "head -c 128m /dev/zero | tail -c 128m > /dev/null; echo status $?";

    private const string Forks = "for i in 1 2 3 4 5 6; do sleep 1 & done; wait";

    [RootFact]
    public void Memory_and_processes_are_limited_and_the_group_goes_with_the_container()
    {
        using var bld = new Bld();
        bld.Ok("load", "-q", "-i", bases.Archive);

        CommandResult hungry = bld.Run("run", "--rm", "--memory", "64m", "busybox", "sh", "-c", Hungry);
        CommandResult many = bld.Run(
            "run", "--rm", "--pids-limit", "4", "busybox", "sh", "-c", Forks);
        CommandResult slow = bld.Ok("run", "--rm", "--cpus", "0.5", "busybox", "cat", "/proc/self/cgroup");

        Assert.True(hungry.ExitCode == 137 || hungry.Output.Contains("status 137", StringComparison.Ordinal), hungry.ToString());
        Assert.Contains("can't fork", many.Error, StringComparison.Ordinal);
        Assert.Contains("cpu", slow.Output, StringComparison.Ordinal);
        Assert.Empty(Command.Shell("find /sys/fs/cgroup -maxdepth 6 -type d -name 'bld-*' 2> /dev/null || true").Lines);
    }

    [RootTheory]
    [InlineData("native")]
    [InlineData("chroot")]
    [InlineData("trace")]
    public void Containers_and_steps_are_limited_on_every_rung(string rung)
    {
        using var bld = new Bld();
        bld.Ok("load", "-q", "-i", bases.Archive);
        string context = bld.Context("c", $"FROM busybox\nRUN {Hungry}\n");
        string forks = bld.Context("f", $"FROM busybox\nRUN {Forks}\n");

        CommandResult hungry = bld.Run("run", "--rm", "--isolation", rung, "--memory", "64m", "busybox", "sh", "-c", Hungry);
        CommandResult step = bld.Run("build", "--isolation", rung, "--memory", "64m", "--progress", "plain", context);
        CommandResult many = bld.Run("build", "--isolation", rung, "--pids-limit", "4", "--progress", "plain", forks);
        bld.Ok("build", "--isolation", rung, "--memory", "512m", "--cpus", "2", "--pids-limit", "50", context);

        Assert.True(hungry.ExitCode == 137 || hungry.Output.Contains("status 137", StringComparison.Ordinal), hungry.ToString());
        Assert.True(step.ExitCode == 1 || step.Error.Contains("status 137", StringComparison.Ordinal), step.ToString());
        Assert.Contains("can't fork", many.Error, StringComparison.Ordinal);
        Assert.Empty(Command.Shell("find /sys/fs/cgroup -maxdepth 6 -type d -name 'bld-*' 2> /dev/null || true").Lines);
    }

    [RootTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_user_with_a_delegated_group_limits_containers_and_steps(bool hasSubIds)
    {
        // A group for the user in each hierarchy that has one of the controllers; the shell goes into it.
        const string Delegate = """
            set -e; user=$1 name=bldtest-$$; shift
            own() { sed -n "s/^[0-9]*:$1://p" /proc/self/cgroup; }
            if [ -d /sys/fs/cgroup/memory ]; then groups="/sys/fs/cgroup/memory$(own memory)/$name /sys/fs/cgroup/pids$(own pids)/$name"; else
              root=/sys/fs/cgroup$(own ''); echo '+memory +pids' > "$root/cgroup.subtree_control"; groups=$root/$name; fi
            for group in $groups; do mkdir "$group"; chown -R "$user" "$group"; echo $$ > "$group/cgroup.procs"; done
            exec setpriv --reuid "$user" --regid "$user" --init-groups --reset-env env "BLD_ROOT=$BLD_ROOT" "$@"
            """;
        TestUser user = hasSubIds ? TestUser.WithSubIds : TestUser.WithoutSubIds;
        using var bld = new Bld(user);
        bld.Ok("load", "-q", "-i", bases.Archive);
        string context = bld.Context("f", $"FROM busybox\nRUN {Forks}\n");
        try
        {
            CommandResult hungry = Run(["run", "--rm", "--memory", "64m", "--pids-limit", "50", "busybox", "sh", "-c", Hungry]);
            CommandResult many = Run(["build", "--pids-limit", "4", "--memory", "64m", "--progress", "plain", context]);

            Assert.True(hungry.ExitCode == 137 || hungry.Output.Contains("status 137", StringComparison.Ordinal), hungry.ToString());
            Assert.Contains("can't fork", many.Error, StringComparison.Ordinal);
        }
        finally
        {
            Command.Shell("find /sys/fs/cgroup -depth -type d -path '*/bldtest-*' -exec rmdir {} + 2> /dev/null || true");
        }

        CommandResult Run(string[] arguments) =>
            new Command("sh", ["-c", Delegate, "sh", user.Name, Bld.Executable, .. arguments])
                .In("/").With("BLD_ROOT", bld.Root).Run();
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

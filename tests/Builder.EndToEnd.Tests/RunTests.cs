// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Globalization;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

public sealed class RunTests : IClassFixture<Bases>
{
    private readonly Bases _bases;

    public RunTests(Bases bases)
    {
        _bases = bases;
    }

    public static TheoryData<string> Users => ["root", "bldsub", "bldplain"];

    [Theory]
    [MemberData(nameof(Users))]
    public void The_status_of_the_command_is_the_status_of_run(string user)
    {
        using Bld bld = With(user);
        Assert.Equal(0, bld.Run("run", "--rm", "busybox", "true").ExitCode);
        Assert.Equal(3, bld.Run("run", "--rm", "busybox", "sh", "-c", "exit 3").ExitCode);
        Assert.Equal(127, bld.Run("run", "--rm", "busybox", "no-such-command").ExitCode);
        Assert.Equal(126, bld.Run("run", "--rm", "busybox", "/etc/passwd").ExitCode);
        Assert.Equal(125, bld.Run("run", "--rm", "--no-such-flag", "busybox", "true").ExitCode);
        Assert.Equal(137, bld.Run("run", "--rm", "busybox", "sh", "-c", "kill -9 $$; sleep 5 & kill -9 -1; exit 137").ExitCode);
        Assert.Equal("", bld.Ok("ps", "-aq").Output);
    }

    [Theory]
    [MemberData(nameof(Users))]
    public void Options_shape_what_the_command_sees(string user)
    {
        using Bld bld = With(user);
        string mounted = Path.GetDirectoryName(bld.Write("mounted/file", "from outside\n"))!;
        string output = bld.Ok(
            "run", "--rm", "-e", "A=1", "-w", "/tmp/new", "-u", "33:33", "-v", $"{mounted}:/m:ro", "--hostname", "h1", "busybox",
            "sh", "-c", "echo $A; pwd; id -u; id -g; cat /m/file; hostname; touch /m/x 2>&1 | grep -c Read-only").Text;
        Assert.Equal("1\n/tmp/new\n33\n33\nfrom outside\nh1\n1", output);
        Assert.Equal("in", bld.Command("run", "--rm", "-i", "busybox", "cat").Input("in\n").Run().Succeeded().Text);
        Assert.Equal("x y", bld.Ok("run", "--rm", "--entrypoint", "echo", "busybox", "x", "y").Text);
    }

    [Theory]
    [MemberData(nameof(Users))]
    public void A_detached_container_is_listed_logged_entered_and_stopped(string user)
    {
        using Bld bld = With(user);
        string id = bld.Ok(
            "run", "-d", "--name", "web", "busybox", "sh", "-c",
            "trap 'echo bye; exit 4' TERM; echo ready; while :; do sleep 0.1; done").Text;
        Assert.Matches("^[0-9a-f]{64}$", id);
        Eventually(() => bld.Ok("logs", "web").Output == "ready\n");
        Assert.Contains("web", bld.Ok("ps").Output, StringComparison.Ordinal);
        Assert.Equal("web", bld.Ok("exec", "web", "sh", "-c", "echo web; test -d /proc/1").Text);
        Assert.Equal(9, bld.Run("exec", "web", "sh", "-c", "exit 9").ExitCode);
        Assert.Equal(1, bld.Run("rmi", "busybox").ExitCode);
        Assert.Equal("web", bld.Ok("stop", "web").Text);
        Assert.Equal("ready\nbye\n", bld.Ok("logs", "web").Output);
        Assert.Contains("Exited (4)", bld.Ok("ps", "-a").Output, StringComparison.Ordinal);
        Assert.Equal("web", bld.Ok("rm", "web").Text);
        Assert.Equal("", bld.Ok("ps", "-aq").Output);
    }

    [Theory]
    [MemberData(nameof(Users))]
    public void A_published_port_answers(string user)
    {
        using Bld bld = With(user);
        int port = RegistryServer.FreePort();
        bld.Write("index.html", "Hola\n");
        bld.Ok(
            "run", "-d", "--rm", "--name", "web", "-p", $"{port}:8000", "busybox",
            "sh", "-c", "mkdir /w; echo Hola > /w/index.html; exec httpd -f -p 8000 -h /w");
        Eventually(() => new Command("curl", "-fs", "--max-time", "5", $"http://127.0.0.1:{port}/index.html").Run().Output == "Hola\n");
        Assert.Contains($"{port}->8000/tcp", bld.Ok("ps").Output, StringComparison.Ordinal);
        bld.Ok("stop", "-t", "1", "web");
        Eventually(() => bld.Ok("ps", "-aq").Output.Length == 0);
        Assert.NotEqual(0, new Command("curl", "-fs", "--max-time", "2", $"http://127.0.0.1:{port}/").Run().ExitCode);
    }

    [RootFact]
    public void Termination_is_forwarded_and_zombies_are_reaped()
    {
        using Bld bld = With("root");
        using Process process = bld.Command(
            "run", "--rm", "--name", "term", "busybox", "sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done").Start();
        Assert.Equal("up", process.StandardOutput.ReadLine());
        new Command("kill", "-TERM", process.Id.ToString(CultureInfo.InvariantCulture)).Run().Succeeded();
        Assert.True(process.WaitForExit(10_000));
        Assert.Equal(5, process.ExitCode);
        Assert.Equal("", bld.Ok("ps", "-aq").Output);
        string zombies = bld.Ok(
            "run", "--rm", "--init", "busybox", "sh", "-c", "(sleep 0.1 &) ; sleep 0.5; ps | grep -c '\\[sleep\\]' || true").Text;
        Assert.Equal("0", zombies);
    }

    private Bld With(string user)
    {
        var bld = new Bld(user switch
        {
            "bldsub" => TestUser.WithSubIds,
            "bldplain" => TestUser.WithoutSubIds,
            _ => null,
        });
        string archive = bld["busybox.tar"];
        File.Copy(_bases.Archive, archive);
        File.SetUnixFileMode(archive, (UnixFileMode)Convert.ToInt32("644", 8));
        bld.Ok("load", "-i", archive);
        return bld;
    }

    private static void Eventually(Func<bool> condition)
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            if (condition())
            {
                return;
            }

            Thread.Sleep(100);
        }

        Assert.Fail("it did not happen within 10 s");
    }
}

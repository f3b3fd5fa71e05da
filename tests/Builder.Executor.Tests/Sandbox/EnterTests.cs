// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Spawning;
using Builder.TestSupport;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Builder.Executor.Tests.Sandbox;

/// <summary>Further processes in a running container.</summary>
public sealed class EnterTests : IDisposable
{
    private readonly TestRoot _root = new();
    private readonly DetachedMount _mount;
    private readonly SandboxProcess _container;

    public EnterTests()
    {
        _mount = _root.Mount();
        using SafeFileHandle nothing = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite);
        _container = SandboxProcess.Start(
            new SandboxSpec
            {
                Root = _mount,
                Arguments = ["sh", "-c", "echo inside > /tmp/f; sleep 100"],
                Environment = ["PATH=/bin"],
                Hostname = "box",
                Network = SandboxNetwork.None,
            },
            new SandboxIo.Streams(nothing, nothing, nothing));
    }

    public void Dispose()
    {
        _container.Dispose();
        _mount.Dispose();
        _root.Dispose();
    }

    [RootFact]
    public void It_sees_what_the_container_sees()
    {
        (ExitStatus status, string output) = Enter(
            "while ! test -e /tmp/f; do :; done; cat /tmp/f; hostname; ip -o link | wc -l; ps | grep -c 'sleep 10[0]';"
            + " grep CapEff /proc/self/status | tr -d '\\t'; exit 9");

        Assert.Equal((9, "inside\nbox\n1\n1\nCapEff:00000000a80425fb\n"), (status.ShellCode, output));
    }

    [RootFact]
    public void It_is_another_user_and_has_a_working_directory()
    {
        (_, string output) = Enter(
            "id -u; pwd; ls /proc/self/fd | wc -l",
            spec => spec with { User = new SandboxUser(33, 33, [], ""), WorkingDirectory = "/tmp" });

        Assert.Equal("33\n/tmp\n4\n", output);
    }

    [RootFact]
    public void A_command_that_is_missing_is_127()
    {
        SandboxException failure = Assert.Throws<SandboxException>(
            () => Enter("", spec => spec with { Arguments = ["nope"] }));

        Assert.Equal(127, failure.ShellCode);
    }

    [RootFact]
    public void It_has_a_terminal_of_the_container()
    {
        using SandboxProcess process = SandboxProcess.Enter(
            Spec("tty; stty size"), new SandboxIo.Terminal(80, 24));
        var output = new StringBuilder();
        OutputPump.Run(
            process.Process, process.Terminal, null, (_, bytes) => output.Append(Encoding.UTF8.GetString(bytes)),
            Environment.TickCount64 + 10_000);

        Assert.Equal("/dev/pts/0\r\n24 80\r\n", output.ToString());
    }

    private EnterSpec Spec(string script) => new()
    {
        ContainerPid = _container.Pid,
        Arguments = ["sh", "-c", script],
        Environment = ["PATH=/bin"],
    };

    private (ExitStatus Status, string Output) Enter(string script, Func<EnterSpec, EnterSpec>? change = null)
    {
        (SafeFileHandle outputRead, SafeFileHandle outputWrite) = Libc.CreatePipe();
        using (outputRead)
        {
            SandboxProcess process;
            using (outputWrite)
            using (SafeFileHandle input = File.OpenHandle("/dev/null"))
            {
                EnterSpec spec = Spec(script);
                process = SandboxProcess.Enter(
                    change?.Invoke(spec) ?? spec, new SandboxIo.Streams(input, outputWrite, outputWrite));
            }

            using (process)
            {
                var output = new StringBuilder();
                Assert.True(OutputPump.Run(
                    process.Process, outputRead, null, (_, bytes) => output.Append(Encoding.UTF8.GetString(bytes)),
                    Environment.TickCount64 + 20_000));
                return (process.Wait(), output.ToString());
            }
        }
    }
}

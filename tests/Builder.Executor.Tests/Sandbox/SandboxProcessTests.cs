// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Text;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Spawning;
using Builder.Solver.Operations;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Sandbox;

/// <summary>Containers by the real kernel, as root.</summary>
public sealed class SandboxProcessTests : IDisposable
{
    private readonly TestRoot _root = new();

    public void Dispose() => _root.Dispose();

    [RootFact]
    public void The_command_is_process_1_with_its_own_proc()
    {
        var (status, output, error) = _root.Run("echo $$; ls -d /proc/[0-9]* | wc -l; hostname; exit 7");

        Assert.Equal(("1\n3\nbox\n", "", 7), (output, error, status.ShellCode)); // sh, ls, wc
    }

    [RootFact]
    public void Changes_go_to_the_upper_and_mount_points_leave_no_trace()
    {
        using DetachedMount cache = DetachedMount.Tmpfs(0b111_101_101, 0, 0);

        var (status, _, error) = _root.Run(
            "echo x > /tmp/f && echo y > /var/cache/thing/kept-out && cat /etc/resolv.conf /run/secrets/a >/dev/null",
            spec => spec with
            {
                Mounts = [new SandboxMount("/var/cache/thing", cache)],
                Files =
                [
                    new SandboxFile("/etc/resolv.conf", "nameserver ::1\n"u8.ToArray(), 0b110_100_100, 0, 0),
                    new SandboxFile("/run/secrets/a", "s"u8.ToArray(), 0b100_000_000, 0, 0),
                ],
            });

        Assert.Equal((0, ""), (status.ShellCode, error));
        Assert.Equal(
            ["/etc", "/tmp", "/tmp/f"],
            Directory.EnumerateFileSystemEntries(_root.Upper, "*", SearchOption.AllDirectories)
                .Select(path => path[_root.Upper.Length..]).Order(StringComparer.Ordinal));
    }

    [RootFact]
    public void Default_capabilities_filter_and_masks_are_docker_s()
    {
        var (_, output, error) = _root.Run(
            """
            grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)|Seccomp:|NoNewPrivs' /proc/self/status | tr -d '\t'
            head -c 1 /proc/kcore | wc -c; ls -A /proc/scsi /sys/firmware | grep -v : | grep -c .
            echo 1 > /proc/sys/kernel/hostname || echo readonly
            mount -t tmpfs none /tmp || echo no-mount
            unshare -m true || echo no-unshare
            """);

        Assert.Equal(
            """
            CapInh:0000000000000000
            CapPrm:00000000a80425fb
            CapEff:00000000a80425fb
            CapBnd:00000000a80425fb
            CapAmb:0000000000000000
            NoNewPrivs:0
            Seccomp:2
            0
            0
            readonly
            no-mount
            no-unshare

            """,
            output);
        Assert.Contains("Read-only file system", error, StringComparison.Ordinal);
    }

    [RootFact]
    public void Another_user_has_no_capabilities_and_its_groups()
    {
        var (_, output, _) = _root.Run(
            "id; grep -E 'CapPrm|CapEff' /proc/self/status | tr -d '\\t'; touch /etc/x || echo denied",
            spec => spec with { User = new SandboxUser(33, 33, [50], "/var/www") });

        Assert.Equal(
            "uid=33(www) gid=33(www) groups=50(staff)\nCapPrm:0000000000000000\nCapEff:0000000000000000\ndenied\n",
            output);
    }

    [RootFact]
    public void Devices_are_the_standard_ones()
    {
        var (_, output, error) = _root.Run(
            "ls /dev; echo x > /dev/null; head -c 4 /dev/zero | wc -c; test -c /dev/tty && df /dev/shm | tail -1 | awk '{print $2}'");

        Assert.Equal("", error);
        Assert.Equal(
            "core\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n4\n65536\n",
            output);
    }

    [RootFact]
    public void No_descriptor_of_the_builder_is_open_and_no_working_directory_leads_out()
    {
        using FileStream leak = File.OpenRead("/etc/hostname");
        using FileDescriptor directory = AtCalls.Open("/", OpenFlags.DirectoryRead);

        var (_, output, _) = _root.Run("ls /proc/self/fd");
        Assert.Equal("0\n1\n2\n3\n", output); // 3 is ls's own

        for (int fd = 3; fd <= directory.Value + 3; fd++)
        {
            int number = fd;
            Assert.Throws<SandboxException>(() => _root.Run(
                "pwd", spec => spec with { WorkingDirectory = $"/proc/self/fd/{number}" }));
        }
    }

    [RootFact]
    public void A_command_that_is_missing_is_127_and_one_that_cannot_run_is_126()
    {
        SandboxException missing = Assert.Throws<SandboxException>(
            () => _root.Run("", spec => spec with { Arguments = ["nope"] }));
        SandboxException forbidden = Assert.Throws<SandboxException>(
            () => _root.Run("", spec => spec with { Arguments = ["/etc/passwd"] }));

        Assert.Equal("execute \"nope\": executable file not found in $PATH", missing.Message);
        Assert.Equal((127, 126), (missing.ShellCode, forbidden.ShellCode));
    }

    [RootFact]
    public void A_failing_row_is_named()
    {
        SandboxException failure = Assert.Throws<SandboxException>(
            () => _root.Run("", spec => spec with { WorkingDirectory = "/no/such" }));

        Assert.Equal("enter /no/such: no such file or directory (chdir)", failure.Message);
        Assert.Equal(125, failure.ShellCode);
    }

    [RootFact]
    public void Links_in_the_image_do_not_lead_mounts_out()
    {
        Directory.Delete(Path.Join(_root.Lower, "tmp"));
        File.CreateSymbolicLink(Path.Join(_root.Lower, "tmp"), "../../../../../..");
        File.CreateSymbolicLink(Path.Join(_root.Lower, "escape"), "/proc/1/root/etc");

        var (status, output, _) = _root.Run("cat /h6-probe", spec => spec with
        {
            Files = [new SandboxFile("/tmp/h6-probe", "inside"u8.ToArray(), 0b110_100_100, 0, 0)],
        });

        Assert.Equal((0, "inside"), (status.ShellCode, output));
        Assert.False(File.Exists("/h6-probe"));
    }

    [RootFact]
    public void None_has_loopback_only()
    {
        var (_, output, _) = _root.Run(
            "ip -o link | wc -l; ip -o addr show lo | grep -c 127.0.0.1",
            spec => spec with { Network = SandboxNetwork.None });

        Assert.Equal("1\n1\n", output);
    }

    [RootFact]
    public void Limits_and_shared_memory_are_as_asked()
    {
        var (_, output, _) = _root.Run(
            "ulimit -n; ulimit -c; df /dev/shm | tail -1 | awk '{print $2}'",
            spec => spec with
            {
                Ulimits = [new Ulimit("nofile", 77, 99), new Ulimit("core", 0, 0)],
                ShmSizeBytes = 1024 * 1024,
            });

        Assert.Equal("77\n0\n1024\n", output);
    }

    [RootFact]
    public void Left_over_processes_die_with_the_command()
    {
        var (status, _, _) = HangGuard.Run(() => _root.Run("sleep 1000 & sleep 1000 & exit 4"));

        Assert.Equal(4, status.ShellCode);
    }

    [RootFact]
    public void A_terminal_is_the_controlling_one()
    {
        using DetachedMount root = _root.Mount();
        using SandboxProcess process = SandboxProcess.Start(
            new SandboxSpec
            {
                Root = root,
                Arguments = ["sh", "-c", "tty; stty size; test -c /dev/console && echo ok > /dev/tty"],
                Environment = ["PATH=/bin"],
                Hostname = "box",
            },
            new SandboxIo.Terminal(100, 30));
        var output = new StringBuilder();
        OutputPump.Run(
            process.Process, process.Terminal, null, (_, bytes) => output.Append(Encoding.UTF8.GetString(bytes)),
            Environment.TickCount64 + 10_000);

        Assert.Equal("/dev/pts/0\r\n30 100\r\nok\r\n", output.ToString());
    }

    [RootFact]
    public void A_read_only_root_refuses_writes()
    {
        var (_, output, _) = _root.Run(
            "touch /tmp/x || echo refused; touch /dev/shm/x && echo shm", spec => spec with { IsReadOnlyRoot = true });

        Assert.Equal("refused\nshm\n", output);
    }

    [RootFact]
    public void Classic_mount_options_serve_kernels_without_single_lower_directories()
    {
        string work = Path.Join(Path.GetDirectoryName(_root.Upper), "work");
        using DetachedMount root = OverlayMount.CreateClassic(
            new OverlayDirectories([_root.Lower], _root.Upper, work, UsesUserXattrs: false));

        var (status, output, error) = TestRoot.Run(new SandboxSpec
        {
            Root = root,
            Arguments = ["sh", "-c", "echo hi > /tmp/f; cat /tmp/f"],
            Environment = ["PATH=/bin"],
            Hostname = "box",
        });

        Assert.Equal((0, "hi\n", ""), (status.ShellCode, output, error));
        Assert.True(File.Exists(Path.Join(_root.Upper, "tmp/f")));
    }

    [RootFact]
    public void Many_containers_leave_no_mounts_and_no_descriptors()
    {
        _root.Run("true");
        int mounts = File.ReadAllLines("/proc/self/mountinfo").Length;
        int descriptors = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        var watch = Stopwatch.StartNew();
        const int Count = 50;
        for (int i = 0; i < Count; i++)
        {
            _root.Run("true");
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{watch.Elapsed.TotalMilliseconds / Count} ms each");
        Assert.Equal(mounts, File.ReadAllLines("/proc/self/mountinfo").Length);

        // Other tests open files at the same time; one descriptor left by each container would still show.
        Assert.InRange(Directory.GetFileSystemEntries("/proc/self/fd").Length, 0, descriptors + (Count / 2));
    }
}

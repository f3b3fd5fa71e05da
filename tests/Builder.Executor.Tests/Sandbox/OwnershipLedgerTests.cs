// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Ledger;
using Builder.Executor.Sandbox.Mounts;
using Builder.Solver.Files;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Sandbox;

/// <summary>The ledger answers a container, here of root: what it records does not depend on who asks.</summary>
public sealed class OwnershipLedgerTests : IDisposable
{
    private readonly TestRoot _root = new();

    public void Dispose() => _root.Dispose();

    [RootFact]
    public void Owners_are_recorded_seen_again_and_follow_the_file()
    {
        string output = Run(
            """
            echo x > /f; mkdir /d; ln -s f /l
            chown 33:50 /f; chown 1000 /d; chown -h 7:8 /l; mv /f /d/g; ln /d/g /d/h
            chown 5 /etc/passwd
            stat -c '%u:%g' /d/g /d/h /d /etc/passwd
            """,
            SandboxUser.Root);

        Assert.Equal("33:50\n33:50\n1000:0\n5:0\n", output);
        Assert.Equal((33u, 50u), Owner("d/h"));
        Assert.Equal((7u, 8u), Owner("l"));
        Assert.Equal((5u, 0u), Owner("etc/passwd"));
        Assert.Equal(0u, AtCalls.Stat(AtCalls.CurrentDirectory, Bytes(Path.Join(_root.Upper, "d/g"))).UserId);
    }

    [RootFact]
    public void Devices_are_files_that_look_like_devices()
    {
        string output = Run("mknod /n c 1 3; chown 0:6 /n; stat -c '%F %t,%T %u:%g %a' /n", SandboxUser.Root);

        Assert.Equal("character special file 1,3 0:6 644\n", output);
    }

    [RootFact]
    public void A_process_that_leaves_root_cannot_come_back_and_owns_what_it_makes()
    {
        string output = Run(
            """
            su www -s /bin/sh -c 'id; touch /tmp/a; mkdir /tmp/b; chown 0 /tmp/a || echo refused; stat -c %u /tmp/a /tmp/b; setuidgid root true || echo stays'
            id -u
            """,
            SandboxUser.Root);

        Assert.Equal("uid=33(www) gid=33(www) groups=33(www),50(staff)\nrefused\n33\n33\nstays\n0\n", output);
    }

    [RootFact]
    public void The_first_process_is_who_the_image_says()
    {
        string output = Run("id; touch /tmp/a; stat -c '%u:%g' /tmp/a", new SandboxUser(33, 50, [33], ""));

        Assert.Equal("uid=33(www) gid=50(staff) groups=33(www)\n33:50\n", output);
    }

    [RootFact]
    public void A_container_that_fails_before_it_can_send_its_listener_does_not_hang()
    {
        using DetachedMount root = _root.Mount();
        using var ledger = new OwnershipLedger(SandboxUser.Root, Owners(), _root.Upper);

        Assert.Throws<SandboxException>(() => TestRoot.Run(new SandboxSpec
        {
            Root = root,
            Arguments = ["true"],
            Hostname = "box",
            Files = [new SandboxFile("/proc/no-such-file", "x"u8.ToArray(), 0b110_100_100, 0, 0)],
            Ledger = ledger,
        }));
    }

    [RootFact]
    public void The_ledger_waits_for_a_network_that_is_connected_first()
    {
        using DetachedMount root = _root.Mount();
        using var ledger = new OwnershipLedger(SandboxUser.Root, Owners(), _root.Upper);
        int connected = 0;

        var (status, output, _) = TestRoot.Run(new SandboxSpec
        {
            Root = root,
            Arguments = ["/bin/sh", "-c", "chown 3 /etc; stat -c %u /etc"],
            Environment = ["PATH=/bin"],
            Hostname = "box",
            Network = new OwnNetwork(pid => connected = pid),
            Ledger = ledger,
        });

        Assert.Equal((0, "3\n"), (status.ShellCode, output));
        Assert.NotEqual(0, connected);
    }

    [Fact]
    public void Ids_change_as_credentials_7_says()
    {
        var ids = new IdTriple(10, 20, 30);

        Assert.Equal(IdTriple.Of(5), ids.Set(5, isPrivileged: true));
        Assert.Equal(new IdTriple(10, 30, 30), ids.Set(30, isPrivileged: false));
        Assert.Null(ids.Set(5, isPrivileged: false));
        Assert.Equal(new IdTriple(20, 10, 10), ids.SetRealEffective(20, 10, isPrivileged: false));
        Assert.Null(ids.SetRealEffective(30, uint.MaxValue, isPrivileged: false));
        Assert.Equal(new IdTriple(30, 20, 10), ids.SetAll(30, uint.MaxValue, 10, isPrivileged: false));
        Assert.Null(ids.SetAll(0, uint.MaxValue, uint.MaxValue, isPrivileged: false));
    }

    private string Run(string script, SandboxUser user)
    {
        using DetachedMount root = _root.Mount();
        using var ledger = new OwnershipLedger(user, Owners(), _root.Upper);
        var (status, output, error) = TestRoot.Run(new SandboxSpec
        {
            Root = root,
            Arguments = ["sh", "-c", script],
            Environment = ["PATH=/bin"],
            Hostname = "box",
            User = user,
            Ledger = ledger,
        });
        Assert.True(status.IsSuccess, output + error);
        return output;
    }

    private OwnerStore Owners() =>
        new(OwnershipMode.SingleId, Path.Join(Path.GetDirectoryName(_root.Upper), "owners"));

    private (uint User, uint Group) Owner(string path)
    {
        byte[] full = Bytes(Path.Join(_root.Upper, path));
        RecordedAttributes owner = Owners().Read(
            AtCalls.CurrentDirectory, full, AtCalls.Stat(AtCalls.CurrentDirectory, full));
        return (owner.UserId, owner.GroupId);
    }

    private static byte[] Bytes(string path) => PathEncoding.Encode(path);
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Spawning;
using Builder.Solver.Files;
using Builder.Solver.Operations;
using Xunit;

namespace Builder.Executor.Tests.Sandbox.Trace;

/// <summary>Commands under the tracer: a static busybox in a plain directory.</summary>
public sealed class TracedCommandTests : IDisposable
{
    private readonly TraceRoot _root = new();

    public void Dispose() => _root.Dispose();

    [TraceFact]
    public void A_shell_with_pipes_and_children_runs_in_its_root()
    {
        string output = _root.Output(
            "cd /tmp && pwd && echo a b | tr a x && (cd .. && ls) && id -u && head -1 /etc/passwd && hostname");
        Assert.Equal("/tmp\nx b\nbin\ndev\netc\nproc\nroot\nsys\ntmp\nusr\n0\nroot:x:0:0::/root:/bin/sh\nbox\n", output);
    }

    [TraceFact]
    public void Only_what_the_command_made_stays_in_the_root()
    {
        _root.Output("echo x > /dev/shm/x; echo y > /tmp/y; mkdir -p /a/b");
        Assert.Equal(
            ["a", "a/b", "bin", "etc", "root", "tmp", "tmp/y", "usr", "usr/bin"],
            Directory.EnumerateFileSystemEntries(_root.Directory_, "*", SearchOption.AllDirectories)
                .Select(path => Path.GetRelativePath(_root.Directory_, path))
                .Where(path => !path.StartsWith("bin/", StringComparison.Ordinal) && !path.StartsWith("etc/", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal));
    }

    [TraceFact]
    public void Owners_modes_and_devices_are_seen_again_and_recorded()
    {
        string output = _root.Output(
            """
            echo x > /f; mkdir /d; ln -s f /l; mknod /n c 1 3; mkfifo /p
            chown 33:50 /f; chown 1000 /d; chown -h 7:8 /l; chown 5 /p; chmod 4711 /f; chmod 0 /d; chmod 2440 /n
            mv /f /d/g; ln /d/g /d/h; stat -c '%u:%g %a %F' /d/g /d/h /d /l /p /n; stat -c '%t:%T' /n; cat /d/g
            umask 077; echo > /u; mkdir /ud; stat -c %a /u /ud
            """);
        Assert.Equal(
            """
            33:50 4711 regular file
            33:50 4711 regular file
            1000:0 0 directory
            7:8 777 symbolic link
            5:0 644 fifo
            0:0 2440 character special file
            1:3
            x
            600
            700

            """,
            output);
        Assert.Equal(new(FileKind.Regular, 0b100_111_001_001, 33, 50), _root.Read("d/g"));
        Assert.Equal(new(FileKind.CharacterDevice, 0b010_100_100_000, 0, 0, 1, 3), _root.Read("n"));
        Assert.Equal((7u, 8u), (_root.Read("l").UserId, _root.Read("l").GroupId));
        Assert.Equal((FileKind.Fifo, 5u), (_root.Read("p").Kind, _root.Read("p").UserId));
    }

    [TraceFact]
    public void Changing_the_owner_of_a_programme_takes_its_set_id_bits_away()
    {
        Assert.Equal("755\n", _root.Output("echo > /f; chmod 6755 /f; chown 33 /f; stat -c %a /f"));
    }

    [TraceFact]
    public void New_files_take_their_group_from_a_set_group_directory()
    {
        Assert.Equal(
            "50 644\n50 2755\n",
            _root.Output("mkdir /g; chown 0:50 /g; chmod 2775 /g; touch /g/f; mkdir /g/d; stat -c '%g %a' /g/f /g/d"));
    }

    [TraceFact]
    public void A_process_may_become_another_user_who_then_owns_what_it_makes()
    {
        string output = _root.Output(
            "chmod 1777 /tmp; su www -c 'id -u; id -G; touch /tmp/mine; stat -c %u:%g /tmp/mine; chown 0 /tmp/mine || echo refused; chmod 600 /etc/passwd || echo refused' 2>/dev/null; id -u");
        Assert.Equal("33\n33 50\n33:33\nrefused\nrefused\n0\n", output);
        Assert.Equal(33u, _root.Read("tmp/mine").UserId);
    }

    [TraceFact]
    public void A_command_can_start_as_another_user()
    {
        var user = new SandboxUser(33, 33, [50], "/var/www");
        Assert.Equal(
            "33 33 50\nrefused\n",
            _root.Output("id -u | tr '\\n' ' '; id -G; chown 0 /etc/passwd 2>/dev/null || echo refused", spec => spec with { User = user }));
    }

    [TraceFact]
    public void Scripts_get_their_interpreter_from_the_root_and_all_their_arguments()
    {
        string output = _root.Output(
            """
            printf '#!/bin/sh -e\necho "$0 $# $1"; readlink /proc/$$/exe\n' > /tmp/s; printf '#!/tmp/s\n' > /tmp/t; chmod +x /tmp/s /tmp/t
            cd /tmp; ./s a b; PATH=/tmp s; ./t x; /tmp/s $(seq 5000)
            """);
        Assert.Equal(
            "./s 2 a\n/bin/busybox\n/tmp/s 0 \n/bin/busybox\n/tmp/s 2 ./t\n/bin/busybox\n/tmp/s 5000 1\n/bin/busybox\n", output);
    }

    [TraceFact]
    public void A_fifo_waits_for_its_other_end()
    {
        Assert.Equal("through\n", _root.Output("mkfifo /tmp/p; (sleep 0.2; echo through > /tmp/p) & cat /tmp/p; wait"));
        _root.Output("mkfifo /tmp/q; cat /tmp/q & echo > /tmp/q-not & : "); // nobody comes
    }

    [TraceFact]
    public void Links_of_proc_speak_of_the_root()
    {
        string output = _root.Output(
            """
            cd /tmp; for l in cwd root exe; do readlink /proc/self/$l; done; exec 3>/tmp/out; readlink /proc/$$/fd/3
            echo to-3 > /proc/self/fd/3; cat /tmp/out; echo out > /dev/stdout; grep -c ' / / ' /proc/self/mountinfo; grep -c '^bld / bld' /proc/mounts
            grep /bin/busybox /proc/self/maps | wc -l | grep -q 0 || echo maps; echo x | cat /dev/fd/0
            """);
        Assert.Equal("/tmp\n/\n/bin/busybox\n/tmp/out\nto-3\nout\n1\n1\nmaps\nx\n", output);
    }

    [TraceFact]
    public void A_changed_root_holds_its_processes()
    {
        Assert.Equal(
            "/\nin\n/ in\n",
            _root.Output(
                "mkdir -p /c/bin; cp /bin/busybox /c/bin/sh; cp /bin/busybox /c/bin/ls; echo in > /c/f; ln -s /f /c/l;"
                + " chroot /c /bin/sh -c 'pwd; read x < /../../l; echo $x; cd /; cd ..; read y < f; echo $PWD $y'"));
    }

    [TraceFact]
    public void Mounts_stand_at_their_targets_and_read_only_ones_refuse_writes()
    {
        string cache = Directory.CreateDirectory(Path.Join(_root.Outside, "cache")).FullName;
        string fixed_ = Directory.CreateDirectory(Path.Join(_root.Outside, "fixed")).FullName;
        File.WriteAllText(Path.Join(fixed_, "f"), "content\n");
        string output = _root.Output(
            """
            exec 2>/dev/null; ln -s /var/cache /c; echo kept > /c/x; cat /c/../cache/x; cd /c; pwd -P; cat /ro/f; cat /run/secret
            (echo y > /ro/f); rm /ro/f; mkdir /ro/d; mv /ro/f /tmp/f; chmod 777 /ro/f; rm -r /var/cache; touch /ro/f || echo locked; mount | grep -c ' on /ro '; ls /var
            """,
            spec => spec with
            {
                Mounts = [new("/var/cache", cache, IsReadOnly: false), new("/ro", fixed_, IsReadOnly: true)],
                Files = [new("/run/secret", "s3cret\n"u8.ToArray(), 0b100_000_000, 0, 0)],
            });

        Assert.Equal("kept\n/var/cache\ncontent\ns3cret\nlocked\n1\ncache\n", output);
        Assert.Equal("content\n", File.ReadAllText(Path.Join(fixed_, "f")));
        Assert.False(File.Exists(Path.Join(_root.Directory_, "run/secret")));
        Assert.False(Directory.Exists(Path.Join(_root.Directory_, "var")));
    }

    [TraceFact]
    public void Scripts_of_the_builder_and_limits_reach_the_command()
    {
        Assert.Equal(
            "from a pipe file\n77\n",
            _root.Output("/dev/pipes/EOF1; ulimit -n", spec => spec with
            {
                PipeFiles = [new PipeFile("EOF1", "#!/bin/sh\necho from a pipe file\n")],
                Ulimits = [new Ulimit("nofile", 77, 77)],
            }));
    }

    [TraceFact]
    public void Without_a_network_there_are_no_sockets_but_local_ones()
    {
        (ExitStatus status, _, string error) = _root.Run(
            "wget -q http://127.0.0.1:1/", spec => spec with { HasNetwork = false });
        Assert.False(status.IsSuccess);
        Assert.Contains("not supported by protocol", error, StringComparison.Ordinal);
    }

    [TraceFact]
    public void A_command_that_is_not_there_says_so()
    {
        SandboxException failure = Assert.Throws<SandboxException>(
            () => _root.Run("", spec => spec with { Arguments = ["no-such-command"] }));
        Assert.Equal((127, true), (failure.ShellCode, failure.IsCommandFailure));

        File.WriteAllText(Path.Join(_root.Directory_, "tmp/text"), "text");
        failure = Assert.Throws<SandboxException>(() => _root.Run("", spec => spec with { Arguments = ["/tmp/text"] }));
        Assert.Equal(126, failure.ShellCode);
    }

    [TraceFact]
    public void The_status_is_the_commands_own()
    {
        Assert.Equal(7, _root.Run("exit 7").Status.Code);
        Assert.Equal(15, _root.Run("kill -TERM $$").Status.Signal);
        Assert.Equal("caught\n", _root.Output("trap 'echo caught' USR1; kill -USR1 $$; kill -0 -1"));
    }

    [TraceFact]
    public void Hundreds_of_commands_leave_no_descriptor_and_no_child_behind()
    {
        _root.Output("true");
        GC.Collect();
        GC.WaitForPendingFinalizers();
        int before = Directory.GetFiles("/proc/self/fd").Length;
        for (int i = 0; i < 200; i++)
        {
            _root.Output("true & (true) | true; wait");
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();

        // Other tests run meanwhile; one that stays for each command would be 200.
        Assert.InRange(Directory.GetFiles("/proc/self/fd").Length, 0, before + 100);
    }

    [TraceFact]
    public void References_can_be_held_and_sockets_are_called_what_the_step_called_them()
    {
        const string Compiler = "/usr/bin/gcc";
        if (!File.Exists(Compiler))
        {
            Assert.Skip("gcc is not installed");
        }

        string source = Path.Join(_root.Outside, "names.c");
        File.WriteAllText(
            source,
            """
            #define _GNU_SOURCE
            #include <errno.h>
            #include <fcntl.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/socket.h>
            #include <sys/stat.h>
            #include <sys/un.h>
            #include <unistd.h>
            static void name(const char *what, int s, int (*get)(int, struct sockaddr *, socklen_t *)) {
              struct sockaddr_un a; memset(&a, 'x', sizeof a); socklen_t n = sizeof a;
              if (get(s, (void *)&a, &n)) perror(what); else printf("%s %s %d\n", what, a.sun_path, (int)n);
            }
            int main(void) {
              mkdir("/tmp/d", 0700); int d = open("/tmp/d", O_PATH | O_NOFOLLOW | O_CLOEXEC); char path[64]; struct stat st;
              snprintf(path, sizeof path, "/proc/self/fd/%d", d); printf("chmod %d", chmod(path, 02750));
              fstat(d, &st); printf(" %o", st.st_mode & 07777); printf(" openat %d\n", openat(d, "f", O_CREAT | O_WRONLY, 0644) >= 0);
              symlink("f", "/tmp/l"); int l = open("/tmp/l", O_PATH | O_NOFOLLOW); printf("link %d\n", l < 0 ? errno : 0);
              chdir("/tmp/d"); struct sockaddr_un a = {AF_UNIX, "a-socket"}; int s = socket(AF_UNIX, SOCK_STREAM, 0);
              if (bind(s, (void *)&a, sizeof a) || listen(s, 1)) perror("bind"); name("own", s, getsockname);
              int c = socket(AF_UNIX, SOCK_STREAM, 0); socklen_t n = sizeof a; getsockname(s, (void *)&a, &n);
              if (connect(c, (void *)&a, n)) perror("connect"); name("peer", c, getpeername); name("none", c, getsockname);
              return 0;
            }
            """);
        ProcessResult compiled = ProcessStarter.Run(
            new ProcessRequest(Compiler, "-static", "-w", "-o", Path.Join(_root.Directory_, "bin/names"), source),
            TestContext.Current.CancellationToken);
        Assert.True(compiled.Status.IsSuccess, compiled.ErrorText);

        Assert.Equal(
            "chmod 0 2750 openat 1\nlink 0\nown a-socket 11\npeer a-socket 11\nnone  2\n",
            _root.Output("exec names").Replace("none " + new string('x', 108), "none ", StringComparison.Ordinal));
    }
}

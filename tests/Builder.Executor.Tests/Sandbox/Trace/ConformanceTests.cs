// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Trace;
using Xunit;

namespace Builder.Executor.Tests.Sandbox.Trace;

/// <summary>What a traced command does must come to the same as under the kernel alone: permissions, deep trees, links.</summary>
public sealed class ConformanceTests : IDisposable
{
    private readonly TraceRoot _root = new();

    public void Dispose() => _root.Dispose();

    [TraceFact]
    public void Permissions_bind_who_is_not_root()
    {
        string output = _root.Output(
            """
            mkdir -m 700 /secret; mkdir -m 755 /open; mkdir -m 1777 /sticky; mkdir -m 755 /mine; chown 33 /mine
            echo x > /secret/in; chmod 666 /secret/in; echo x > /open/f600; chmod 600 /open/f600; echo x > /open/f640; chmod 640 /open/f640; chgrp 50 /open/f640
            echo x > /sticky/root; chmod 666 /sticky/root; echo x > /mine/root; ln -s /secret/in /open/link; ln -s /open/f600 /mine/link; chmod 700 /mine/root
            su www -c '
            t() { "$@" 2> /dev/null > /dev/null && echo "yes $*" || echo "no $*"; }
            w() { (echo x > "$1") 2> /dev/null && echo "yes > $1" || echo "no > $1"; }
            t cat /open/f600; w /open/f600; t cat /open/f640; w /open/f640; t cat /secret/in; w /secret/in; t ls /secret; t cd /secret; t cat /open/link; t cat /mine/link
            w /open/new; t mkdir /open/d; t ln -s x /open/l; t rm /open/f600; t mv /open/f600 /mine/; t ln /open/f600 /mine/hard; t touch /open/f600; t touch -d @5 /open/f640
            t rm -f /sticky/root; t mv /sticky/root /sticky/other; w /sticky/root; w /sticky/new; t rm /sticky/new; w /mine/new; t rm -f /mine/root; t test -e /secret/in; t kill -0 $PPID; t kill -0 $$'
            """);
        Assert.Equal(
            """
            no cat /open/f600
            no > /open/f600
            yes cat /open/f640
            no > /open/f640
            no cat /secret/in
            no > /secret/in
            no ls /secret
            no cd /secret
            no cat /open/link
            no cat /mine/link
            no > /open/new
            no mkdir /open/d
            no ln -s x /open/l
            no rm /open/f600
            no mv /open/f600 /mine/
            no ln /open/f600 /mine/hard
            no touch /open/f600
            no touch -d @5 /open/f640
            no rm -f /sticky/root
            no mv /sticky/root /sticky/other
            yes > /sticky/root
            yes > /sticky/new
            yes rm /sticky/new
            yes > /mine/new
            yes rm -f /mine/root
            no test -e /secret/in
            no kill -0 1
            yes kill -0 $$

            """,
            System.Text.RegularExpressions.Regex.Replace(
                System.Text.RegularExpressions.Regex.Replace(output, "yes kill -0 \\d+", "yes kill -0 $$$$"), "no kill -0 \\d+", "no kill -0 1"));
    }

    [TraceFact]
    public void A_directory_that_may_be_searched_later_is_asked_again()
    {
        Assert.Equal(
            "no\nyes\nno\nyes\n",
            _root.Output(
                """
                mkdir -m 700 /d; echo x > /d/f; t() { su www -c 'cat /d/f > /dev/null 2>&1 && echo yes || echo no'; }
                t; chmod 711 /d; t; chmod 700 /d; t; chown 33 /d; t
                """));
    }

    [TraceFact]
    public void Set_id_bits_of_a_programme_count_for_who_executes_it()
    {
        NeedCompiler();
        _root.Compile(
            "ids",
            """
            #include <stdio.h>
            #include <unistd.h>
            int main(void) { printf("%d %d %d %d\n", getuid(), geteuid(), getgid(), getegid()); return 0; }
            """);
        Assert.Equal(
            "33 0 33 33\n33 33 33 7\n33 33 33 33\n0 33 0 0\n",
            _root.Output(
                """
                cp /bin/ids /bin/user; chmod 4755 /bin/user; cp /bin/ids /bin/group; chgrp 7 /bin/group; chmod 2755 /bin/group
                su www -c 'user; group; ids'; chown 33 /bin/user; chmod 4755 /bin/user; user
                """));
    }

    // glibc's and tar's way to change a mode without following links goes through a reference (O_PATH).
    [TraceFact]
    public void References_can_be_had_of_every_kind_of_file()
    {
        NeedCompiler();
        _root.Compile(
            "refs",
            """
            #define _GNU_SOURCE
            #include <errno.h>
            #include <fcntl.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/stat.h>
            #include <unistd.h>
            int main(int c, char **v) {
              for (int i = 1; i < c; i++) {
                struct stat s; char text[64] = ""; int fd = open(v[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
                int at = openat(AT_FDCWD, v[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0 || at < 0 || fstatat(fd, "", &s, AT_EMPTY_PATH)) { printf("%s %s\n", v[i], strerror(errno)); continue; }
                if (readlinkat(fd, "", text, 63) < 0) text[0] = 0;
                printf("%s %o %d %s %d\n", v[i], s.st_mode & S_IFMT, fcntl(fd, F_GETFD), text, fchmodat(AT_FDCWD, v[i], 0600, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0);
              }
              return 0;
            }
            """);
        Assert.Equal(
            "/d 40000 1  0\n/f 100000 1  0\n/l 120000 1 target 95\n/p 10000 1  0\n/dev/null 20000 1  1\n/none No such file or directory\n",
            _root.Output("mkdir /d; echo x > /f; ln -s target /l; mkfifo /p; refs /d /f /l /p /dev/null /none; ls -ld /d /f /p | cut -c1-10 | sort | tr '\n' ' ' >&2"));
    }

    [TraceFact]
    public void Trees_deeper_than_any_path_can_be_walked_and_removed()
    {
        NeedCompiler();
        _root.Compile(
            "deep",
            """
            #define _GNU_SOURCE
            #include <errno.h>
            #include <fcntl.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/stat.h>
            #include <sys/syscall.h>
            #include <unistd.h>
            int main(void) {
              char name[201], buffer[8192]; struct stat here, start; memset(name, 'd', 200); name[200] = 0;
              if (chdir("/tmp") || stat(".", &start)) return 1;
              for (int i = 0; i < 60; i++) if (mkdir(name, 0755) || chdir(name)) { printf("down %d: %s\n", i, strerror(errno)); return 1; }
              int fd = open("f", O_CREAT | O_WRONLY, 0644); printf("file %d\n", fd >= 0 && stat("../../x", &here) < 0 && errno == ENOENT && stat("./f", &here) == 0);
              printf("cwd %s\n", syscall(SYS_getcwd, buffer, sizeof buffer) < 0 ? strerror(errno) : "?"); unlink("f");
              for (int i = 0; i < 60; i++) if (chdir("..") || rmdir(name)) { printf("up %d: %s\n", i, strerror(errno)); return 1; }
              printf("back %d\n", stat(".", &here) == 0 && here.st_ino == start.st_ino); memset(buffer, '/', 5000); buffer[5000] = 0;
              printf("long %s\n", stat(buffer, &here) < 0 ? strerror(errno) : "?"); return 0;
            }
            """);
        Assert.Equal(
            "file 1\ncwd File name too long\nback 1\nlong File name too long\n", _root.Output("deep"));
    }

    [TraceFact]
    public void Files_of_a_mount_are_linked_and_moved_by_copying_only()
    {
        string cache = Path.Join(_root.Outside, "cache");
        Directory.CreateDirectory(cache);
        Assert.Equal(
            "apart\nkept\nmoved\n",
            _root.Output(
                "ln /c/f /g 2> /dev/null || echo apart; cat /c/f; echo moved > /c/m; mv /c/m /m; cat /m",
                spec =>
                {
                    File.WriteAllText(Path.Join(cache, "f"), "kept\n");
                    return spec with { Mounts = [new TraceMount("/c", cache, IsReadOnly: false)] };
                }));
    }

    [TraceFact]
    public void What_a_mount_covers_is_not_to_be_seen_from_beside_it()
    {
        string cache = Path.Join(_root.Outside, "cover");
        Directory.CreateDirectory(cache);
        Directory.CreateDirectory(Path.Join(_root.Directory_, "w/c"));
        File.WriteAllText(Path.Join(_root.Directory_, "w/c/below"), "below\n");
        Assert.Equal(
            "none\nnone\n1\n",
            _root.Output(
                "ln -s /w /v; cd /w; cat c/below 2> /dev/null || echo none; cat /v/c/below 2> /dev/null || echo none; echo 1 > c/new; cat /w/c/new",
                spec => spec with { Mounts = [new TraceMount("/w/c", cache, IsReadOnly: false)] }));
    }

    // By a descriptor that was opened for reading, which needs no path.
    [TraceFact]
    public void Times_of_files_in_a_read_only_mount_stay()
    {
        NeedCompiler();
        _root.Compile(
            "date-by-descriptor",
            """
            #include <errno.h>
            #include <fcntl.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/stat.h>
            int main(int c, char **v) {
              struct timespec t[2] = {{5, 0}, {5, 0}}; int fd = open(v[1], O_RDONLY);
              printf("%s\n", futimens(fd, t) ? strerror(errno) : "done"); struct stat s; fstat(fd, &s); printf("%d\n", s.st_mtime == 5); return 0;
            }
            """);
        string cache = Path.Join(_root.Outside, "still");
        Directory.CreateDirectory(cache);
        File.WriteAllText(Path.Join(cache, "f"), "x");
        Assert.Equal(
            "Read-only file system\n0\ndone\n1\n",
            _root.Output(
                "date-by-descriptor /c/f; echo x > /f; date-by-descriptor /f",
                spec => spec with { Mounts = [new TraceMount("/c", cache, IsReadOnly: true)] }));
    }

    [TraceFact]
    public void The_status_of_a_process_tells_its_identity()
    {
        Assert.Equal(
            "TracerPid:0\nUid:33333333\nGid:33333333\nGroups:3350\n33\n",
            _root.Output("su www -c 'grep -E \"^(TracerPid|Uid|Gid|Groups)\" /proc/self/status; stat -c %u /proc/self/status' | tr -d ' \\t'"));
    }

    // A process whose maker is killed in the middle of making it.
    [TraceFact]
    public void A_process_whose_maker_is_killed_goes_on()
    {
        NeedCompiler();
        _root.Compile(
            "forks",
            """
            #include <poll.h>
            #include <signal.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <sys/wait.h>
            #include <unistd.h>
            int main(void) {
              for (int round = 0; round < 60; round++) {
                int out[2]; if (pipe(out)) return 1; int maker = fork();
                if (maker == 0) { close(out[0]); for (;;) { int child = fork(); if (child == 0) _exit(0); waitpid(child, 0, 0); } }
                close(out[1]); usleep(1000 + rand() % 3000); kill(maker, 9);
                struct pollfd end = {out[0], POLLIN, 0}; if (poll(&end, 1, 10000) == 0) { printf("hangs in round %d\n", round); return 1; }
                close(out[0]); while (waitpid(-1, 0, WNOHANG) > 0) { }
              }
              puts("done"); return 0;
            }
            """);
        Assert.Equal("done\n", _root.Output("forks"));
    }

    private static void NeedCompiler()
    {
        if (!File.Exists("/usr/bin/gcc"))
        {
            Assert.Skip("gcc is not installed");
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Xunit;

namespace Builder.Executor.Tests.Sandbox.Trace;

/// <summary>Attacks of a traced command on what lies outside its root.</summary>
public sealed class ConfinementTests : IDisposable
{
    // What shells cannot do: calls by number, threads that change arguments while they are looked at. Each part prints what
    // it got hold of.
    private const string Attacks =
        """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <pthread.h>
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/ptrace.h>
        #include <sys/resource.h>
        #include <sys/socket.h>
        #include <sys/syscall.h>
        #include <sys/uio.h>
        #include <sys/un.h>
        #include <unistd.h>
        static char path[256]; static const char *inside = "/tmp/inside"; static char outside[256]; static volatile int stop;
        static void *flip(void *x) { while (!stop) { strcpy(path, outside); strcpy(path, inside); } return x; }
        static void check(const char *what, long result) { if (result >= 0) printf("HOLE %s\n", what); }
        int main(int argc, char **argv) {
          int builder = atoi(argv[2]); snprintf(outside, sizeof outside, "%s/secret", argv[1]); strcpy(path, inside);
          pthread_t thread; pthread_create(&thread, 0, flip, 0); int read_inside = 0;
          for (int i = 0; i < 20000; i++) {
            int fd = open(path, O_RDONLY); if (fd < 0) continue;
            char text[64] = ""; if (read(fd, text, 63) < 0) text[0] = 0; close(fd);
            if (strstr(text, "SECRET")) { printf("HOLE race\n"); break; } read_inside++;
          }
          int executed = 0;
          for (int i = 0; i < 300; i++) {
            snprintf(path, sizeof path, "%s", inside);
            if (fork() == 0) { stop = 0; pthread_t t; pthread_create(&t, 0, flip, 0); execl(path, path, (char *)0); _exit(0); }
            executed++;
          }
          stop = 1; pthread_join(thread, 0);
          char buffer[64]; struct iovec local = {buffer, 64}, remote = {(void *)0x400000, 64}; struct rlimit limit = {1, 1};
          check("ptrace", ptrace(PTRACE_SEIZE, builder, 0, 0)); check("kill", kill(builder, 0)); check("tgkill", syscall(SYS_tgkill, builder, builder, 0));
          check("pidfd", syscall(SYS_pidfd_open, builder, 0)); check("process_vm_readv", process_vm_readv(builder, &local, 1, &remote, 1, 0));
          check("prlimit", prlimit(builder, RLIMIT_NOFILE, &limit, 0)); check("setpriority", setpriority(PRIO_PROCESS, builder, 5));
          check("io_uring", syscall(SYS_io_uring_setup, 1, buffer)); check("openat2", syscall(437, AT_FDCWD, outside, buffer, 24));
          check("open_tree", syscall(428, AT_FDCWD, outside, 0)); check("file handle", syscall(SYS_name_to_handle_at, AT_FDCWD, outside, buffer, buffer, 0));
          check("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, 0)); check("userns", syscall(SYS_unshare, 0x10000000));
          check("untraced", syscall(SYS_clone, 0x800000 | SIGCHLD, 0, 0, 0, 0));
          check("x32", syscall(0x40000000 + 2, outside, 0, 0)); int pipefd[2]; if (pipe(pipefd)) return 1;
          check("signal owner", fcntl(pipefd[0], F_SETOWN, builder));
          long result = -1; __asm__ volatile("int $0x80" : "=a"(result) : "a"(5), "b"((unsigned)(unsigned long)inside), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11"); check("int80", (int)result);
          struct sockaddr_un address = {AF_UNIX}; snprintf(address.sun_path, 108, "%s/socket", argv[1]);
          int s = socket(AF_UNIX, SOCK_STREAM, 0); check("connect", connect(s, (void *)&address, sizeof address)); check("bind", bind(s, (void *)&address, sizeof address));
          int d = socket(AF_UNIX, SOCK_DGRAM, 0); check("sendto", sendto(d, "x", 1, 0, (void *)&address, sizeof address));
          printf("done %d\n", executed); return read_inside == 0;
        }
        """;

    private const string Flip =
        """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <pthread.h>
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/prctl.h>
        #include <sys/socket.h>
        #include <sys/stat.h>
        #include <sys/un.h>
        #include <sys/wait.h>
        #include <unistd.h>
        static volatile int stop; static struct sockaddr_un good = {AF_UNIX, "/x/stream"}, evil = {AF_UNIX}, live;
        static void *family(void *x) { while (!stop) { *(volatile sa_family_t *)&live.sun_family = AF_UNIX; *(volatile sa_family_t *)&live.sun_family = AF_INET; } return x; }
        static void *text(void *x) { while (!stop) { memcpy(&live, &evil, sizeof evil); memcpy(&live, &good, sizeof good); } return x; }
        static void *hammer(void *x) { while (!stop) for (int i = 0; i < 64; i++) { void *at = (void *)(0x10000UL + i * 8192); mprotect(at, 4096, 3); mmap(at, 4096, 3, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); } return x; }
        static int outside(int s) { struct sockaddr_un peer = {0}; socklen_t size = sizeof peer; return getpeername(s, (void *)&peer, &size) == 0 && strcmp(peer.sun_path, good.sun_path) != 0; }
        int main(int argc, char **argv) {
          setvbuf(stdout, 0, _IONBF, 0); snprintf(evil.sun_path, 108, "%s/stream", argv[1]);
          int l = socket(AF_UNIX, SOCK_STREAM, 0); bind(l, (void *)&good, sizeof good); listen(l, 4096); pthread_t t;
          char *place = (char *)0x10000; errno = 0;
          printf(mprotect(place, 4096, 3) && mmap(place, 4096, 3, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && mremap(&live, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, place) == MAP_FAILED ? "place not writable\n" : "HOLE place\n");
          printf(munmap(0, 0x100000) && munmap(place, 4096) && madvise(place, 4096, MADV_DONTNEED) && mmap(place, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) > (void *)0x100000 ? "place stays\n" : "HOLE unmap\n");
          printf(open("/proc/self/mem", O_RDWR) < 0 && open("/proc/self/mem", O_RDONLY) >= 0 ? "memory not writable\n" : "HOLE mem\n");
          unsigned size; printf(prctl(35, 15, &size, 0, 0) < 0 ? "heap stays\n" : "HOLE heap\n");
          for (int kind = 0; kind < 3; kind++) {
            stop = 0; live = evil; pthread_create(&t, 0, kind == 0 ? family : kind == 1 ? text : hammer, 0);
            for (int i = 0; i < 3000; i++) { int s = socket(AF_UNIX, SOCK_STREAM, 0); if (connect(s, (void *)(kind == 2 ? &good : &live), sizeof live) == 0 && outside(s)) { printf("HOLE connect %d\n", kind); i = 3000; } close(s); if (i % 500 == 499) { int a; fcntl(l, F_SETFL, O_NONBLOCK); while ((a = accept(l, 0, 0)) >= 0) close(a); } }
            stop = 1; pthread_join(t, 0);
          }
          snprintf(evil.sun_path, 108, "%s/datagram", argv[1]);
          for (int kind = 0; kind < 3; kind++) {
            stop = 0; live = evil; pthread_create(&t, 0, family, 0);
            for (int i = 0; i < 3000; i++) {
              int s = socket(AF_UNIX, SOCK_DGRAM, 0); struct iovec io = {"x", 1}; struct mmsghdr m = {.msg_hdr = {.msg_name = &live, .msg_namelen = sizeof live, .msg_iov = &io, .msg_iovlen = 1}};
              long sent = kind == 0 ? sendto(s, "x", 1, 0, (void *)&live, sizeof live) : kind == 1 ? sendmsg(s, &m.msg_hdr, 0) : sendmmsg(s, &m, 1, 0);
              if (sent > 0) { printf("HOLE send %d\n", kind); i = 3000; } close(s);
            }
            stop = 1; pthread_join(t, 0);
          }
          int swapper = fork(); if (swapper == 0) for (;;) { rename("/x", "/x2"); if (symlink(argv[1], "/x")) {} unlink("/x"); rename("/x2", "/x"); }
          for (int i = 0; i < 3000; i++) { int s = socket(AF_UNIX, SOCK_STREAM, 0); if (connect(s, (void *)&good, sizeof good) == 0 && outside(s)) { printf("HOLE swap\n"); break; } close(s); if (i % 500 == 499) { int a; while ((a = accept(l, 0, 0)) >= 0) close(a); } }
          kill(swapper, 9); waitpid(swapper, 0, 0); unlink("/x"); rename("/x2", "/x");
          int s = socket(AF_UNIX, SOCK_STREAM, 0); printf("inside %d\n", connect(s, (void *)&good, sizeof good) == 0); printf("done\n"); return 0;
        }
        """;

    private readonly TraceRoot _root = new();

    public ConfinementTests() => File.WriteAllText(Path.Join(_root.Outside, "secret"), "SECRET\n");

    public void Dispose() => _root.Dispose();

    [TraceFact]
    public void No_path_leads_out()
    {
        string output = _root.Output(
            $"""
            exec 2>/dev/null
            ln -s {_root.Outside}/secret /l; ln -s / /r; ln -s ../../../../../../../..{_root.Outside} /u; mkdir -p /a/b; cd /a/b
            cat {_root.Outside}/secret /l /r{_root.Outside}/secret /u/secret ../../../../../..{_root.Outside}/secret /proc/self/root{_root.Outside}/secret
            cat /proc/self/cwd/../../../..{_root.Outside}/secret; mv /a/b /b && cat ../../..{_root.Outside}/secret; cat /dev/../..{_root.Outside}/secret
            cp /l /tmp/x; ln {_root.Outside}/secret /tmp/y; rm -f /l/x {_root.Outside}/secret; echo x > {_root.Outside}/made; echo x > /u/made
            cat /proc/self/fd/*/secret /dev/fd/../../../..{_root.Outside}/secret; tar c -C / {_root.Outside} | grep -a SECRET; ls {_root.Outside}; echo end
            """);
        Assert.Equal("end\n", output);
        Assert.Equal("SECRET\n", File.ReadAllText(Path.Join(_root.Outside, "secret")));
        Assert.False(File.Exists(Path.Join(_root.Outside, "made")));
    }

    [TraceFact]
    public void Nothing_of_other_processes_is_to_be_seen()
    {
        Environment.SetEnvironmentVariable("BLD_TEST_SECRET", "SECRET");
        string output = _root.Output(
            $"""
            exec 2>/dev/null
            for p in {Environment.ProcessId} 1 $PPID; do cat /proc/$p/environ /proc/$p/cmdline /proc/$p/maps /proc/$p/task/$p/environ; ls /proc/$p /proc/$p/root/ /proc/$p/fd; kill -0 $p && echo HOLE; kill -9 $p && echo HOLE; done
            cd /proc; cat {Environment.ProcessId}/environ self/../{Environment.ProcessId}/environ 1/environ; cat /proc/kcore | head -c 1; ls /proc/$$/fd | wc -l; echo 1 > /proc/sys/kernel/core_uses_pid && echo HOLE; kill -9 -1
            """);
        Assert.Equal("3\n", output.Replace("4\n", "3\n", StringComparison.Ordinal));
    }

    [TraceFact]
    public void What_a_command_leaves_running_ends_with_it()
    {
        string mark = Guid.NewGuid().ToString("N");
        _root.Output(
            $"cp /bin/busybox /tmp/sleep; (setsid /tmp/sleep 987 {mark} >/dev/null 2>&1 &) & nohup /tmp/sleep 986 {mark} >/dev/null 2>&1 & (trap '' TERM HUP; while :; do /tmp/sleep 1 {mark}; done) & :");
        string[] left =
        [
            .. Directory.GetDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), out _))
                .Where(path => Read(path).Contains(mark, StringComparison.Ordinal)),
        ];
        Assert.Empty(left);

        static string Read(string path)
        {
            try
            {
                return File.ReadAllText(path + "/cmdline");
            }
            catch (IOException)
            {
                return "";
            }
        }
    }

    // Between the tracer's look at an address and the kernel's, threads change it, and processes the directories on its way.
    [TraceFact]
    public void Addresses_of_sockets_that_change_meanwhile_reach_nothing_outside()
    {
        if (!File.Exists("/usr/bin/gcc"))
        {
            Assert.Skip("gcc is not installed");
        }

        using System.Net.Sockets.Socket stream = Listen("stream", System.Net.Sockets.SocketType.Stream);
        using System.Net.Sockets.Socket datagram = Listen("datagram", System.Net.Sockets.SocketType.Dgram);
        _root.Compile("flip", Flip);

        string output = _root.Output($"mkdir -p /x; flip {_root.Outside}");

        Assert.Equal("place not writable\nplace stays\nmemory not writable\nheap stays\ninside 1\ndone\n", output);

        System.Net.Sockets.Socket Listen(string name, System.Net.Sockets.SocketType type)
        {
            var socket = new System.Net.Sockets.Socket(
                System.Net.Sockets.AddressFamily.Unix, type, System.Net.Sockets.ProtocolType.Unspecified);
            socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(Path.Join(_root.Outside, name)));
            if (type == System.Net.Sockets.SocketType.Stream)
            {
                socket.Listen();
            }

            return socket;
        }
    }

    [TraceFact]
    public void Calls_and_threads_that_lie_about_their_arguments_get_nowhere()
    {
        if (!File.Exists("/usr/bin/gcc"))
        {
            Assert.Skip("gcc is not installed");
        }

        _root.Compile("attacks", Attacks);
        using var socket = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(Path.Join(_root.Outside, "socket")));
        socket.Listen();

        string output = _root.Output(string.Create(
            CultureInfo.InvariantCulture,
            $"printf '#!/bin/sh\\nexit 0\\n' > /tmp/inside; chmod +x /tmp/inside; exec attacks {_root.Outside} {Environment.ProcessId}"));

        Assert.Equal("done 300\n", output);
    }
}

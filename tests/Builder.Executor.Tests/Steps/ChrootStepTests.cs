// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using Builder.Executor.Sandbox.Isolation;
using Builder.Executor.Steps;
using Builder.Frontend.Instructions;
using Builder.Solver;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Steps;

/// <summary>RUN on the chroot rung: what a step sees, and what even its root cannot reach.</summary>
public sealed class ChrootStepTests : IDisposable
{
    private readonly StepBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [RootFact]
    public async Task The_step_is_root_of_a_directory_of_its_own()
    {
        StepRun run = await RunAsync(
            "id -u; ls /; ls /dev; echo x > /dev/null; head -c 4 /dev/zero | wc -c; test -e /proc/self || echo none; test -s /proc/meminfo && echo some");

        Assert.Equal(
            "0\nbin\ndev\netc\nproc\nroot\nsys\ntmp\nusr\nfull\nmqueue\nnull\npts\nrandom\nshm\ntty\nurandom\nzero\n4\nnone\nsome\n",
            run.Output);
        Assert.Null(run.Layer);
    }

    [RootFact]
    public async Task Root_of_a_step_cannot_leave_the_directory()
    {
        File.WriteAllText(Path.Join(_bench.Path, "secret"), "outside");

        // The classic way: a root below the working directory, and up from there.
        StepRun run = await RunAsync(
            "mkdir /x; chroot /x /bin/true 2>&1 | grep -o 'not permitted'; cd /..; ls; cat /../../secret 2>&1; mount -t tmpfs x /tmp 2>&1 | grep -o 'denied\\|not permitted'; unshare -m true 2>&1 | grep -o 'not permitted'; grep -i 'CapEff' /proc/self/status 2>&1 | grep -o 'No such file'");

        Assert.DoesNotContain("outside", run.Output, StringComparison.Ordinal);
        Assert.Contains("not permitted\nbin\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("No such file", run.Output, StringComparison.Ordinal);
    }

    [RootFact]
    public async Task Processes_that_a_step_leaves_are_killed_and_change_nothing_later()
    {
        var watch = Stopwatch.StartNew();
        StepRun run = await RunAsync(
            "(setsid sh -c 'while :; do echo x >> /late; sleep 0.01; done' > /dev/null 2>&1 &) ; nohup sleep 300 > /dev/null 2>&1 & sleep 0.1; echo done");

        Assert.Equal("done\n", run.Output);
        Assert.InRange(watch.ElapsedMilliseconds, 0, 60_000);
        Assert.DoesNotContain(
            Directory.EnumerateDirectories("/proc").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0])), IsSleeper);
    }

    // Orphans that trace each other look as if they belonged to a tracer of this process.
    [RootFact]
    public async Task Processes_that_trace_each_other_are_killed_as_well()
    {
        const string Source =
            """
            #include <stdio.h>
            #include <sys/ptrace.h>
            #include <unistd.h>
            #include <fcntl.h>
            int main(void) {
              int a = 0, out[2]; if (pipe(out)) return 1;
              for (int k = 0; k < 2; k++) {
                int child = fork();
                if (child == 0) {
                  setsid(); char mine[16], other[16]; int pid = 0; sprintf(mine, "/pid%d", k); sprintf(other, "/pid%d", 1 - k);
                  FILE *f = fopen(mine, "w"); fprintf(f, "%d\n", getpid()); fclose(f);
                  while (!pid) { f = fopen(other, "r"); if (f) { if (fscanf(f, "%d", &pid) != 1) pid = 0; fclose(f); } }
                  if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0 && write(out[1], "x", 1)) {}
                  close(out[1]); int null = open("/dev/null", O_RDWR); dup2(null, 0); dup2(null, 1); dup2(null, 2);
                  for (int i = 0; i < 1000; i++) { int late = open("/late", O_WRONLY | O_CREAT | O_APPEND, 0644); if (write(late, "x", 1)) {} close(late); usleep(10000); }
                  _exit(0);
                }
              }
              char both[2]; if (read(out[0], both, 1) + read(out[0], both, 1) == 2) puts("both"); return 0;
            }
            """;
        if (!File.Exists("/usr/bin/gcc"))
        {
            Assert.Skip("gcc is not installed");
        }

        string binary = Path.Join(_bench.Path, "mutual");
        File.WriteAllText(binary + ".c", Source);
        Command.Shell($"gcc -static -w -o {binary} {binary}.c").Succeeded();
        LayerStack image = _bench.Push(_bench.Base, files => File.Copy(binary, Path.Join(files, "mutual")));

        StepRun first = await _bench.RunAsync(IsolationRung.Chroot, image, "/mutual");
        StepRun second = await _bench.RunAsync(
            IsolationRung.Chroot, first.Stack, "stat -c %s /late > /size; sleep 0.3; [ $(stat -c %s /late) = $(cat /size) ] && echo same");

        Assert.Equal(("both\n", "same\n"), (first.Output, second.Output));
    }

    [RootFact]
    public async Task Steps_at_the_same_time_do_not_kill_each_others_processes()
    {
        StepRun[] runs = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => RunAsync(
            $"(sh -c 'sleep 0.{i + 1}; echo late{i} > /f{i}' &); sleep 1; cat /f{i}"))));

        Assert.Equal(Enumerable.Range(0, 8).Select(i => $"late{i}\n"), runs.Select(run => run.Output));
    }

    [RootFact]
    public async Task A_user_without_rights_and_limits()
    {
        StepRun run = await RunAsync(
            "id -u; id -g; touch /x 2>/dev/null || echo refused; ulimit -c; umask; pwd; echo $HOME",
            operation => operation with
            {
                User = "www",
                WorkingDirectory = "/srv/x",
                Ulimits = [new Ulimit("core", 5120, 5120)],
            });

        Assert.Equal("33\n33\nrefused\n10\n0022\n/srv/x\n/var/www\n", run.Output);
        Assert.Equal(["srv", "srv/x"], _bench.Paths(run.Layer));
    }

    [RootFact]
    public async Task Without_a_network_no_internet_socket_can_be_made()
    {
        StepRun run = await RunAsync(
            "nc -w 1 127.0.0.1 1 2>&1 | grep -o 'ermission denied'", operation => operation with { Network = NetworkMode.None });

        Assert.Equal("ermission denied\n", run.Output);
    }

    [RootFact]
    public async Task Secrets_are_files_that_reach_no_layer_by_any_name()
    {
        _bench.Services = new StepServices { FindSecret = id => id == "token" ? "s3cret"u8.ToArray() : null };

        StepRun run = await RunAsync(
            "cat /run/secrets/token; stat -c ' %a %u %g' /run/secrets/token; echo $TOKEN; ln /run/secrets/token /linked; mkdir /moved; mv /run/secrets/token /moved/token; echo x > /y",
            operation => operation with
            {
                Mounts =
                [
                    new SecretStepMount("/run/secrets/token", "token", null, true, 0b100_000_000, 33, 50),
                    new SecretStepMount("", "token", "TOKEN", true, 0, 0, 0),
                ],
            });

        Assert.Equal("s3cret 400 33 50\ns3cret\n", run.Output);
        Assert.Equal(["moved", "y"], _bench.Paths(run.Layer));
        Assert.DoesNotContain("s3cret", Everything(_bench.Store.Root), StringComparison.Ordinal);
    }

    [RootFact]
    public async Task A_cache_is_shown_goes_back_and_shares_no_file_with_a_layer()
    {
        var cache = new CacheStepMount("/var/cache/x", "../../x", CacheSharing.Shared, false, null, "", 0b111_000_000, 33, 0);
        StepRun first = await RunAsync(
            "echo kept > /var/cache/x/f; ln /var/cache/x/f /copy; touch -d @5 /copy", operation => operation with { Mounts = [cache] });
        StepRun second = await _bench.RunAsync(
            IsolationRung.Chroot, first.Stack, "cat /var/cache/x/f; stat -c '%a %u' /var/cache/x; echo changed > /var/cache/x/f; cat /copy; mv /var/cache/x /elsewhere",
            operation => operation with { Mounts = [cache] });
        StepRun third = await RunAsync(
            "cat /var/cache/x/f; echo no > /var/cache/x/f", operation => operation with { Mounts = [cache with { ReadOnly = true }] });
        StepRun fourth = await RunAsync("cat /var/cache/x/f", operation => operation with { Mounts = [cache] });

        Assert.Equal(["copy"], _bench.Paths(first.Layer));
        Assert.Equal("kept\n700 33\nkept\n", second.Output);
        Assert.Null(second.Layer);
        Assert.Equal(("changed\n", "changed\n"), (third.Output, fourth.Output));
        Assert.Equal("kept\n", (await _bench.RunAsync(IsolationRung.Native, first.Stack, "cat /copy")).Output);
    }

    [RootFact]
    public async Task Binds_are_copies_that_forget_writes()
    {
        LayerStack source = (await RunAsync("mkdir -p /data/in; echo content > /data/in/f; ln -s /data/in /link")).Stack;

        StepRun run = await RunAsync(
            "cat /mnt/ro/f /mnt/file; echo more > /mnt/rw/f && cat /mnt/rw/f; echo t > /mnt/tmp/t; cat /mnt/tmp/t",
            operation => operation with
            {
                Mounts =
                [
                    new BindStepMount("/mnt/ro", source, "link", ReadWrite: false),
                    new BindStepMount("/mnt/file", source, "data/in/f", ReadWrite: false),
                    new BindStepMount("/mnt/rw", source, "data/in", ReadWrite: true),
                    new TmpfsStepMount("/mnt/tmp", 0),
                ],
            });

        Assert.Equal("content\ncontent\nmore\nt\n", run.Output);
        Assert.Null(run.Layer);
    }

    [RootFact]
    public async Task A_step_that_fails_leaves_no_tree()
    {
        StepFailedException failure = await Assert.ThrowsAsync<StepFailedException>(() => RunAsync("echo x > /x; exit 3"));
        StepFailedException missing = await Assert.ThrowsAsync<StepFailedException>(
            () => RunAsync("", operation => operation with { Arguments = ["/nowhere"] }));

        Assert.Equal((3, 127), (failure.ExitCode, missing.ExitCode));
        Assert.Contains("--isolation trace", failure.Hint, StringComparison.Ordinal);
        string own = Assert.Single(Directory.GetDirectories(Path.Join(_bench.Store.Root, "tmp")));
        Assert.Equal([Path.Join(own, "lock")], Directory.GetFileSystemEntries(own));
    }

    private Task<StepRun> RunAsync(string script, Func<RunOperation, RunOperation>? change = null) =>
        _bench.RunAsync(IsolationRung.Chroot, _bench.Base, script, change);

    private static bool IsSleeper(string process)
    {
        try
        {
            string line = File.ReadAllText(Path.Join(process, "cmdline"));
            return line.Contains("/late", StringComparison.Ordinal) || line.StartsWith("sleep\0300", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string Everything(string directory) => string.Concat(
        Directory.EnumerateFiles(directory, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.Device })
            .Where(path => new FileInfo(path) is { LinkTarget: null, Length: < 100_000 } && Path.GetFileName(path) != "lock")
            .Select(File.ReadAllText));
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Builder.Executor.Content;
using Builder.Executor.Snapshots;
using Builder.Executor.Steps;
using Builder.Executor.Tests.Sandbox;
using Builder.Frontend.Instructions;
using Builder.Solver;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Ports;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Steps;

/// <summary>RUN by the real kernel, as root, on a store of its own.</summary>
public sealed class RunStepTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("run-step");
    private readonly Store _store;
    private readonly LayerStack _base;
    private StepServices _services = new();

    public RunStepTests()
    {
        _store = Store.Open(Path.Join(_directory.FullName, "store"));
        using var root = new TestRoot();
        using LayerDraft draft = _store.Snapshots.BeginLayer();
        Directory.Delete(draft.FilesPath);
        Directory.Move(root.Lower, draft.FilesPath);
        LayerDigest digest = draft.Digest(null, null, Token) ?? throw new InvalidOperationException();
        draft.Commit(digest);
        _base = LayerStack.Empty.Push(digest.DiffId);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _store.Dispose();
        _directory.Delete(recursive: true);
    }

    [RootFact]
    public async Task A_tmpfs_takes_the_place_of_shared_memory_and_may_hold_programmes()
    {
        (_, string output) = await RunAsync(
            "grep -c ' /dev/shm ' /proc/mounts; grep ' /dev/shm ' /proc/mounts | cut -d' ' -f4; cp /bin/busybox /dev/shm/; /dev/shm/busybox echo ran",
            operation => operation with { Mounts = [new TmpfsStepMount("/dev/shm", 8 << 20)] });
        Assert.Equal("1\nrw,nosuid,relatime,size=8192k\nran\n", output);
    }

    [RootFact]
    public async Task The_layer_holds_what_the_command_changed_and_nothing_else()
    {
        var (result, output) = await RunAsync("echo hi; mkdir -p /srv/a && echo x > /srv/a/f && chown 33:50 /srv/a/f");

        Assert.Equal("hi\n", output);
        Assert.Equal(["srv", "srv/a", "srv/a/f"], Paths(result.Layer));
        FileNode node = Assert.IsType<FileNode>(_store.Snapshots.Open(_base.Push(result.Layer!.Value)).Find("srv/a/f"));
        Assert.Equal((33u, 50u, 2L), (node.UserId, node.GroupId, node.Size));
    }

    [RootFact]
    public async Task A_step_that_changes_nothing_has_no_layer()
    {
        var (result, _) = await RunAsync("cat /etc/resolv.conf /etc/hosts > /dev/null; ls / /etc");

        Assert.Null(result.Layer);
    }

    [RootFact]
    public async Task Removing_files_of_the_parent_leaves_whiteouts()
    {
        var (result, _) = await RunAsync("rm /etc/group; rm -r /usr");

        LayerStack stack = _base.Push(result.Layer!.Value);
        Assert.Null(_store.Snapshots.Open(stack).Find("etc/group"));
        Assert.Null(_store.Snapshots.Open(stack).Find("usr"));
    }

    [RootFact]
    public async Task The_same_step_twice_gives_the_same_layer()
    {
        const string Script = "echo x > /tmp/f; touch -d @100 /tmp/f /tmp; ln /tmp/f /tmp/g; touch -d @100 /tmp";

        Assert.Equal((await RunAsync(Script)).Result, (await RunAsync(Script)).Result);
    }

    [RootFact]
    public async Task A_failing_command_reports_its_status_and_commits_nothing()
    {
        int before = Directory.GetDirectories(Path.Join(_store.Root, "snapshots")).Length;

        StepFailedException failure = await Assert.ThrowsAsync<StepFailedException>(() => RunAsync("touch /x; exit 42"));
        StepFailedException killed = await Assert.ThrowsAsync<StepFailedException>(() => RunAsync("sh -c 'kill -9 $$'; exit $?"));

        Assert.Equal((42, "run \"touch /x; exit 42\": exit status 42"), (failure.ExitCode, failure.Message));
        Assert.Equal(137, killed.ExitCode);
        Assert.Equal(before, Directory.GetDirectories(Path.Join(_store.Root, "snapshots")).Length);
    }

    [RootFact]
    public async Task A_user_with_home_and_a_working_directory_that_is_made()
    {
        var (result, output) = await RunAsync(
            "id -u; pwd; echo $HOME; umask", operation => operation with { User = "www", WorkingDirectory = "/srv/x" });

        Assert.Equal("33\n/srv/x\n/var/www\n0022\n", output);
        Assert.Equal(["srv", "srv/x"], Paths(result.Layer));
    }

    [RootFact]
    public async Task Bind_mounts_show_a_part_of_another_file_system_and_forget_writes()
    {
        LayerStack source = _base.Push((await RunAsync("mkdir -p /data/in; echo content > /data/in/f; ln -s /data/in /link")).Result.Layer!.Value);

        var (result, output) = await RunAsync(
            "cat /mnt/ro/f; touch /mnt/ro/g || echo refused; cat /mnt/file; echo more > /mnt/rw/f && cat /mnt/rw/f",
            operation => operation with
            {
                Mounts =
                [
                    new BindStepMount("/mnt/ro", source, "link", ReadWrite: false),
                    new BindStepMount("/mnt/file", source, "data/in/f", ReadWrite: false),
                    new BindStepMount("/mnt/rw", source, "data/in", ReadWrite: true),
                ],
            });

        Assert.Contains("content\n", output, StringComparison.Ordinal);
        Assert.EndsWith("refused\ncontent\nmore\n", output, StringComparison.Ordinal);
        Assert.Null(result.Layer);
        await Assert.ThrowsAsync<StepMountException>(() => RunAsync("true", operation => operation with
        {
            Mounts = [new BindStepMount("/mnt/ro", source, "../../etc/shadow", ReadWrite: false)],
        }));
    }

    [RootFact]
    public async Task A_cache_outlives_steps_and_its_id_is_no_path()
    {
        var cache = new CacheStepMount("/cache", "../../x", CacheSharing.Locked, false, null, "", 0b111_000_000, 33, 0);

        await RunAsync("echo kept > /cache/f", operation => operation with { Mounts = [cache] });
        var (result, output) = await RunAsync(
            "cat /cache/f; stat -c '%a %u' /cache", operation => operation with { Mounts = [cache] });

        Assert.Equal("kept\n700 33\n", output);
        Assert.Null(result.Layer);
    }

    [RootFact]
    public async Task Private_caches_are_apart_while_both_are_in_use()
    {
        var cache = new CacheStepMount("/cache", "p", CacheSharing.Private, false, null, "", 0b111_000_000, 0, 0);
        using IDisposable used = await new CacheMounts(_store, _store.Snapshots.Ownership, shared: null).AcquireAsync(cache, null, Token);
        File.WriteAllText(Path.Join(((CacheLease)used).Path, "other"), "");

        var (_, output) = await RunAsync("ls /cache", operation => operation with { Mounts = [cache] });

        Assert.Equal("", output);
    }

    [RootFact]
    public async Task Secrets_are_files_in_memory_or_variables_and_reach_no_layer()
    {
        _services = new StepServices { FindSecret = id => id == "token" ? "s3cret"u8.ToArray() : null };

        var (result, output) = await RunAsync(
            "cat /run/secrets/token; echo; stat -c '%a %u %g' /run/secrets/token; echo $TOKEN; test -e /run/secrets/none || echo absent",
            operation => operation with
            {
                Mounts =
                [
                    new SecretStepMount("/run/secrets/token", "token", null, true, 0b100_000_000, 33, 50),
                    new SecretStepMount("", "token", "TOKEN", true, 0, 0, 0),
                    new SecretStepMount("/run/secrets/none", "none", null, false, 0, 0, 0),
                ],
            });

        Assert.Equal("s3cret\n400 33 50\ns3cret\nabsent\n", output);
        Assert.Null(result.Layer);
        await Assert.ThrowsAsync<StepMountException>(() => RunAsync("true", operation => operation with
        {
            Mounts = [new SecretStepMount("/x", "none", null, true, 0, 0, 0)],
        }));
    }

    [RootFact]
    public async Task An_agent_is_reached_through_a_socket_of_the_step()
    {
        string path = Path.Join(_directory.FullName, "agent");
        using var agent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        agent.Bind(new UnixDomainSocketEndPoint(path));
        agent.Listen();
        Task answering = Task.Run(async () =>
        {
            using Socket client = await agent.AcceptAsync(Token);
            byte[] buffer = new byte[4];
            await client.ReceiveAsync(buffer, Token);
            await client.SendAsync("pong"u8.ToArray(), Token);
        }, Token);
        _services = new StepServices { FindSshAgent = _ => path };

        var (result, output) = await RunAsync(
            "echo $SSH_AUTH_SOCK; stat -c '%a %F' $SSH_AUTH_SOCK; (echo -n ping; sleep 1) | nc local:$SSH_AUTH_SOCK | head -c 4",
            operation => operation with { Mounts = [new SshStepMount("/run/agent.0", "default", true, 0b110_000_000, 0, 0)] });

        Assert.StartsWith("/run/agent.0\n600 socket\n", output, StringComparison.Ordinal);
        Assert.Null(result.Layer);
    }

    [RootFact]
    public async Task Cancelling_kills_the_command_and_leaves_no_debris()
    {
        using var source = new CancellationTokenSource(300);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => RunAsync("sleep 1000 & sleep 1000", token: source.Token).WaitAsync(TimeSpan.FromSeconds(60), Token));

        string own = Assert.Single(Directory.GetDirectories(Path.Join(_store.Root, "tmp")));
        Assert.Equal([Path.Join(own, "lock")], Directory.GetFileSystemEntries(own));
    }

    [RootFact]
    public async Task Pipe_files_limits_hosts_and_host_name_are_seen()
    {
        var (_, output) = await RunAsync("", operation => operation with
        {
            Arguments = ["/dev/pipes/EOF"],
            PipeFiles = [new PipeFile("EOF", "#!/bin/sh\nhostname; ulimit -c; grep example /etc/hosts\n")],
            Hostname = "made",
            ExtraHosts = [new HostEntry("example", "10.1.2.3")],
            Ulimits = [new Ulimit("core", 5120, 5120)],
        });

        Assert.Equal("made\n10\n10.1.2.3\texample\n", output); // ulimit counts blocks of 512 bytes
    }

    [RootFact]
    public async Task A_step_takes_milliseconds()
    {
        await RunAsync("true");
        var watch = Stopwatch.StartNew();
        const int Count = 30;
        for (int i = 0; i < Count; i++)
        {
            await RunAsync($"echo {i} > /tmp/f");
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{watch.Elapsed.TotalMilliseconds / Count} ms each");
    }

    private async Task<(LayerResult Result, string Output)> RunAsync(
        string script, Func<RunOperation, RunOperation>? change = null, CancellationToken? token = null)
    {
        var operation = new RunOperation
        {
            Arguments = ["/bin/sh", "-c", script],
            Environment = ["PATH=/bin"],
            WorkingDirectory = "/",
            User = "",
        };
        var output = new CollectedOutput();
        var executor = new StepExecutor(_store, null, _services);
        LayerResult result = await executor.RunAsync(
            change?.Invoke(operation) ?? operation, _base, output, token ?? Token);
        return (result, output.Text.ToString());
    }

    private ImmutableArray<string> Paths(DiffId? layer)
    {
        string files = Path.Join(_store.Root, "snapshots", layer!.Value.Value.Hex, "fs");
        return [.. Directory.EnumerateFileSystemEntries(files, "*", SearchOption.AllDirectories)
            .Select(path => path[(files.Length + 1)..]).Order(StringComparer.Ordinal)];
    }

    private sealed class CollectedOutput : IStepOutput
    {
        public StringBuilder Text { get; } = new();

        public void Write(bool isStandardError, ReadOnlySpan<byte> bytes)
        {
            if (!isStandardError)
            {
                Text.Append(Encoding.UTF8.GetString(bytes));
            }
        }
    }
}

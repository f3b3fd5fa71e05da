// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Isolation;
using Builder.Executor.Snapshots;
using Builder.Frontend;
using Builder.Frontend.Instructions;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Steps;

/// <summary>
/// The classes of holes that builders and runtimes have had, tried on every rung that root of this machine can have. A
/// directory outside every root is bait: nothing may be made, changed, removed or read there.
/// </summary>
public sealed class AttackTests : IDisposable
{
    private readonly StepBench _bench = new();
    private readonly string _bait;
    private readonly string _before;

    public AttackTests()
    {
        _bait = Path.Join(_bench.Path, "bait");
        Directory.CreateDirectory(Path.Join(_bait, "empty"));
        Directory.CreateDirectory(Path.Join(_bait, "mnt", "target"));
        File.WriteAllText(Path.Join(_bait, "secret"), "BAIT");
        File.WriteAllText(Path.Join(_bait, "mnt", "file"), "");
        _before = List();
    }

    public static TheoryData<IsolationRung> Rungs { get; } = [IsolationRung.Native, IsolationRung.Chroot, IsolationRung.Trace];

    public void Dispose() => _bench.Dispose();

    // Root of a step may make the node of any device, and images bring theirs.
    [RootFact]
    public async Task Nodes_that_a_step_makes_or_an_image_brings_cannot_be_opened()
    {
        const string Make = "mknod /n c 1 3; mknod /dev/n c 1 3; mkdir /sub; mknod /sub/n c 1 5";
        const string Try = "for f in /n /dev/n /sub/n; do [ -c $f ] && (echo x > $f) 2> /dev/null && echo opened $f; done; echo x > /dev/null && echo standard";
        LayerStack image = (await _bench.RunAsync(IsolationRung.Native, _bench.Base, $"{Make}; {Try}")).Stack;
        Assert.Equal("standard\n", (await _bench.RunAsync(IsolationRung.Native, image, Try)).Output);
        StepRun insecure = await _bench.RunAsync(
            IsolationRung.Native, image, $"mknod /dev/n c 1 3; {Try}", operation => operation with { Insecure = true });
        Assert.Equal("opened /n\nopened /dev/n\nopened /sub/n\nstandard\n", insecure.Output);
    }

    // CVE-2024-1753, CVE-2024-23651: the source or target of a mount leads out through a link.
    [RootTheory]
    [MemberData(nameof(Rungs))]
    public async Task Links_in_the_image_do_not_lead_mounts_out(IsolationRung rung)
    {
        LayerStack image = (await _bench.RunAsync(
            rung, _bench.Base, $"ln -s {Up(_bait)} /out; ln -s {_bait} /abs; ln -s {Up(_bait)}/secret /etc/resolv.conf; mkdir /src; ln -s {Up(_bait)} /src/out")).Stack;

        StepRun run = await _bench.RunAsync(
            rung, image, "echo x > /out/mnt/target/made; echo y > /abs/mnt/made; cat /out/secret /abs/secret /etc/resolv.conf; ls /out /abs",
            operation => operation with
            {
                Mounts =
                [
                    new TmpfsStepMount("/out/mnt/target", 0),
                    new CacheStepMount("/abs/mnt", "c", CacheSharing.Shared, false, null, "", 0b111_101_101, 0, 0),
                ],
            });
        await Assert.ThrowsAnyAsync<BuildException>(() => _bench.RunAsync(rung, image, "ls /mnt", operation => operation with
        {
            Mounts = [new BindStepMount("/mnt", image, "src/out", ReadWrite: true)],
        }));

        Assert.DoesNotContain("BAIT", run.Output, StringComparison.Ordinal);
        AssertUntouched();
    }

    // CVE-2024-23652: taking a mount point away removes something outside, because the step has put a link in the way.
    [RootTheory]
    [MemberData(nameof(Rungs))]
    public async Task Mount_points_are_not_taken_away_through_a_link_that_the_step_made(IsolationRung rung)
    {
        await _bench.RunAsync(
            rung, _bench.Base,
            $"mv /a/mnt /a/was; ln -s {Up(_bait)}/mnt /a/mnt; rm -rf /run; ln -s {Up(_bait)} /run; mv /etc /etc2; ln -s {Up(_bait)} /etc; true",
            operation => operation with
            {
                Mounts =
                [
                    new TmpfsStepMount("/a/mnt/target", 0),
                    new CacheStepMount("/a/mnt/cache", "c", CacheSharing.Shared, false, null, "", 0b111_101_101, 0, 0),
                    new TmpfsStepMount("/run/empty", 0),
                ],
            });

        AssertUntouched();
    }

    // CVE-2024-21626: a working directory that is a descriptor of the builder.
    [RootTheory]
    [MemberData(nameof(Rungs))]
    public async Task A_working_directory_in_proc_leads_nowhere(IsolationRung rung)
    {
        for (int descriptor = 3; descriptor < 12; descriptor++)
        {
            try
            {
                StepRun run = await _bench.RunAsync(
                    rung, _bench.Base, $"pwd; ls ..; cat ../../../../../../../../..{_bait}/secret",
                    operation => operation with { WorkingDirectory = $"/proc/self/fd/{descriptor}" });
                Assert.DoesNotContain("BAIT", run.Output + run.Errors, StringComparison.Ordinal);
            }
            catch (BuildException)
            {
                // There is no such directory: as it should be.
            }
        }
    }

    [RootTheory]
    [MemberData(nameof(Rungs))]
    public async Task No_descriptor_of_the_builder_is_open(IsolationRung rung)
    {
        StepRun run = await _bench.RunAsync(
            rung, _bench.Base, "i=3; while [ $i -lt 300 ]; do (eval \"true <&$i\") 2> /dev/null && echo open $i; i=$((i+1)); done; echo end");

        // busybox keeps its script at 10 or above, closed on execution but open in a subshell.
        Assert.Equal("end\n", run.Output);
    }

    // A passwd that is huge, no file, a link out, or holds numbers that wrap to root.
    [RootTheory]
    [MemberData(nameof(Rungs))]
    public async Task A_malicious_passwd_gives_no_other_identity(IsolationRung rung)
    {
        await RefusedAsync("printf 'evil:x:4294967296:0::/:/bin/sh\\nminus:x:-1:-1::/:/bin/sh\\nwrap:x:4294967295:0::/:/bin/sh\\n' > /etc/passwd", "evil");
        await RefusedAsync("printf 'minus:x:-1:-1::/:/bin/sh\\n' > /etc/passwd", "minus");
        await RefusedAsync("printf 'wrap:x:4294967295:0::/:/bin/sh\\n' > /etc/passwd", "wrap");
        await RefusedAsync("true", "4294967296");
        await RefusedAsync("true", "-1");
        await RefusedAsync("rm /etc/passwd; mkfifo /etc/passwd", "www");
        await RefusedAsync($"ln -sf {Up(_bait)}/secret /etc/passwd", "www");
        await RefusedAsync("dd if=/dev/zero bs=1M count=300 2> /dev/null | tr '\\0' a > /etc/passwd; echo >> /etc/passwd; echo www:x:0:0::/:/bin/sh >> /etc/passwd", "www");

        async Task RefusedAsync(string script, string user)
        {
            LayerStack image = (await _bench.RunAsync(rung, _bench.Base, script)).Stack;
            await Assert.ThrowsAnyAsync<BuildException>(() => _bench.RunAsync(
                rung, image, "id -u", operation => operation with { User = user }));
        }
    }

    // Races: what is left running swaps a directory for a link out while the layer is made.
    [RootTheory]
    [MemberData(nameof(Rungs))]
    public async Task Processes_that_swap_paths_behind_the_command_reach_nothing(IsolationRung rung)
    {
        LayerStack image = (await _bench.RunAsync(
            rung, _bench.Base, "mkdir -p /d/mnt /d/empty; i=0; while [ $i -lt 300 ]; do echo $i > /d/mnt/$i; i=$((i+1)); done")).Stack;
        StepRun run = await _bench.RunAsync(
            rung, image,
            $"(setsid sh -c 'while :; do mv /d /e; ln -s {Up(_bait)} /d; rm /d; mv /e /d; echo x >> /d/mnt/1; done' > /dev/null 2>&1 &); rm -rf /d/mnt/2*; sleep 0.2");
        await _bench.RunAsync(rung, run.Stack, "rm -rf /d/* /e/*; ls / > /dev/null");

        AssertUntouched();
    }

    // CVE-2024-9675 and hard links of files in caches: see RunStepTests and ChrootStepTests.
    [RootTheory]
    [MemberData(nameof(Rungs))]
    public async Task The_ids_of_caches_are_no_paths(IsolationRung rung)
    {
        foreach (string id in (string[])["../../../bait", "/", "..", _bait, "a/../../b", ""])
        {
            await _bench.RunAsync(rung, _bench.Base, "echo x > /c/made", operation => operation with
            {
                Mounts = [new CacheStepMount("/c", id, CacheSharing.Shared, false, null, "", 0b111_101_101, 0, 0)],
            });
        }

        AssertUntouched();
        Assert.All(
            Directory.GetFileSystemEntries(Path.Join(_bench.Store.Root, "mounts")),
            path => Assert.Matches("^[0-9a-f]{64}(-[0-9]+)?$", Path.GetFileName(path)));
    }

    // What the builder keeps, whatever is tried with it: other snapshots, records, this process's memory and environment.
    [RootTheory]
    [MemberData(nameof(Rungs))]
    public async Task Root_of_a_step_reaches_neither_store_nor_builder(IsolationRung rung)
    {
        string format = Path.Join(_bench.Store.Root, "format");
        int self = Environment.ProcessId;
        StepRun run = await _bench.RunAsync(
            rung, _bench.Base,
            $"exec 2>&1; cat {format} ../../../../../..{format}; cat /proc/{self}/environ /proc/{self}/maps | head -c 100; ls /proc/{self}/root /proc/{self}/fd /proc/{self}/cwd;"
            + $" echo x > /proc/{self}/mem; kill -0 {self} && echo signalled; mkdir -p /deep/er; cd /deep/er; chroot /deep true; cat {Up(format)}; echo end");

        Assert.EndsWith("end\n", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("bld store", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("signalled", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("PATH=", run.Output, StringComparison.Ordinal);
        Assert.Equal("bld store 1\n", File.ReadAllText(format));
    }

    // Set-id bits and capabilities that the step gives are in the layer, not on anything outside.
    [RootTheory]
    [MemberData(nameof(Rungs))]
    public async Task Names_that_mean_something_to_overlayfs_or_tar_do_not_reach_the_layer(IsolationRung rung)
    {
        await Assert.ThrowsAnyAsync<BuildException>(() => _bench.RunAsync(rung, _bench.Base, "echo x > /.wh.bin"));
        await Assert.ThrowsAnyAsync<BuildException>(() => _bench.RunAsync(rung, _bench.Base, "mkdir /d; echo x > /d/.wh..wh..opq"));
        StepRun run = await _bench.RunAsync(rung, _bench.Base, "mknod /etc/group2 c 0 0; echo x > /y");

        MergedTree tree = _bench.Store.Snapshots.Open(run.Stack);
        Assert.Null(tree.Find("etc/group2"));
        Assert.NotNull(tree.Find("etc/group"));
    }

    private static string Up(string path) => string.Concat(Enumerable.Repeat("../", 20)) + path.TrimStart('/');

    private void AssertUntouched() => Assert.Equal(_before, List());

    private string List() => Command.Shell($"find {_bait} -printf '%p %i %T@ %s\\n' | sort").Succeeded().Output;
}

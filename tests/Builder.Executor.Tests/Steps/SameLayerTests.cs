// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Isolation;
using Builder.Executor.Snapshots;
using Builder.Executor.Tests.Snapshots;
using Builder.Solver.Images;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Steps;

/// <summary>A step whose outcome is determined gives the same layer on an overlay and in a copied root.</summary>
public sealed class SameLayerTests(SameLayerTests.Fixture fixture) : IClassFixture<SameLayerTests.Fixture>
{
    private const string Prepare =
        "mkdir -p /d/e/f /keep /gone/x /mix; echo a > /d/a; echo b > /d/e/b; echo c > /d/e/f/c; echo k > /keep/k;"
        + " ln /d/a /d/hard; ln -s a /d/soft; mkfifo /d/fifo; echo g > /gone/x/g; echo m > /mix/m; chown 33:50 /d/e/b;"
        + " chmod 4750 /d/e/b; mknod /d/node c 1 3";

    private readonly StepBench _bench = fixture.Bench;

    [RootTheory]
    [InlineData("nothing", "true")]
    [InlineData("a new file", "echo x > /new")]
    [InlineData("a new tree", "mkdir -p /n/o/p; echo x > /n/o/p/q; ln /n/o/p/q /n/r; mkfifo /n/s; ln -s q /n/o/p/t")]
    [InlineData("a changed file deep down", "echo more >> /d/e/f/c")]
    [InlineData("a mode", "chmod 600 /d/e/f/c")]
    [InlineData("a mode that is the same", "chmod 644 /keep/k")]
    [InlineData("an owner", "chown 7:8 /d/e")]
    [InlineData("the owner of a link", "chown -h 7:8 /d/soft")]
    [InlineData("opened for writing and not written", ": >> /keep/k; : >> /d/e/f/c")]
    [InlineData("deleted", "rm /d/e/f/c")]
    [InlineData("a tree deleted", "rm -r /gone")]
    [InlineData("deleted and made again, equal", "cp -p /keep/k /tmp/k; rm /keep/k; cp -p /tmp/k /keep/k; rm /tmp/k")]
    [InlineData("a directory replaced", "rm -r /gone; mkdir /gone; echo y > /gone/y")]
    [InlineData("a directory replaced by an empty one", "rm -r /gone; mkdir /gone")]
    [InlineData("a directory replaced, with a directory that was there", "rm -r /gone; mkdir -p /gone/x; echo z > /gone/x/z")]
    [InlineData("a directory that became a file", "rm -r /gone; echo file > /gone")]
    [InlineData("a file that became a directory", "rm /keep/k; mkdir /keep/k; echo x > /keep/k/x")]
    [InlineData("a file that became a link", "rm /keep/k; ln -s /d/a /keep/k")]
    [InlineData("a file moved", "mv /keep/k /d/e/k")]
    [InlineData("a file moved over another", "mv /keep/k /d/e/b")]
    [InlineData("two files swapped", "mv /keep/k /t; mv /mix/m /keep/k; mv /t /mix/m")]
    [InlineData("a directory moved", "mv /d/e /keep/e")]
    [InlineData("a second name of an old file", "ln /keep/k /keep/l")]
    [InlineData("a second name, taken away again", "ln /keep/k /keep/l; rm /keep/l")]
    [InlineData("one of two names deleted", "rm /d/hard")]
    [InlineData("a fifo and a node deleted", "rm /d/fifo /d/node")]
    [InlineData("a node", "mknod /d/zero c 1 5; chmod 640 /d/zero")]
    [InlineData("a set-id bit", "chmod 2755 /d/e; chmod u+s /keep/k")]
    [InlineData("a sparse file", "dd if=/dev/zero of=/sparse bs=1 count=1 seek=10000000")]
    [InlineData("the root itself", "chmod 700 /; echo x > /x")]
    [InlineData("mount points", "ls /dev /proc /sys > /dev/null; cat /etc/resolv.conf /etc/hosts > /dev/null")]
    [InlineData("files that are covered", "echo x > /etc/resolv.conf; echo y > /dev/y; echo z > /dev/shm/z")]
    public async Task The_layer_is_the_same(string what, string script)
    {
        Assert.NotEmpty(what);

        // Times of everything that the script touched are set to one, or two runs could not be equal.
        string timed = $"{script}; find / -xdev -newer /stamp -not -path '/proc*' -not -path '/dev*' -not -path '/sys*'"
            + " -exec touch -h -d @1000 {} +; touch -d @1000 /";
        LayerStack parent = await PrepareAsync();
        StepRun overlay = await _bench.RunAsync(IsolationRung.Native, parent, timed);
        StepRun copied = await _bench.RunAsync(IsolationRung.Chroot, parent, timed);

        Assert.Equal(
            (overlay.Output, overlay.Errors, string.Join('\n', _bench.Paths(overlay.Layer))),
            (copied.Output, copied.Errors, string.Join('\n', _bench.Paths(copied.Layer))));
        Assert.Equal(Describe(overlay.Stack), Describe(copied.Stack));
        Assert.Equal(overlay.Layer, copied.Layer);

        // The tree that is kept is the parent of the next step.
        const string Look = "find / -xdev -mindepth 1 -not -name resolv.conf -not -name hosts -not -path '/proc*' -not -path '/dev*' -not -path '/sys*' | sort"
            + " | while read f; do stat -c '%n %F %a %u %g %Y' \"$f\"; done";
        Assert.Equal(
            (await _bench.RunAsync(IsolationRung.Native, overlay.Stack, Look)).Output,
            (await _bench.RunAsync(IsolationRung.Chroot, copied.Stack, Look)).Output);
    }

    [RootFact]
    public async Task A_chain_of_steps_copies_its_base_once()
    {
        using var bench = new StepBench();
        LayerStack native = bench.Base;
        LayerStack chroot = bench.Base;
        for (int i = 0; i < 5; i++)
        {
            string script = $"mkdir -p /d /keep; echo {i} > /d/n{i}; rm -f /d/n{i - 2}; echo {i} >> /keep/k; rm -rf /tree; mkdir /tree; echo {i} > /tree/{i};"
                + " touch -d @1000 /d/* /keep/* /tree/* /d /keep /tree /";
            StepRun overlay = await bench.RunAsync(IsolationRung.Native, native, script);
            StepRun copied = await bench.RunAsync(IsolationRung.Chroot, chroot, script);
            Assert.Equal(bench.Paths(overlay.Layer), bench.Paths(copied.Layer));
            Assert.Equal(overlay.Stack, copied.Stack);
            (native, chroot) = (overlay.Stack, copied.Stack);
        }

        string own = Assert.Single(Directory.GetDirectories(Path.Join(bench.Store.Root, "tmp")));
        Assert.Single(Directory.GetDirectories(own, "root-*"));
    }

    private async Task<LayerStack> PrepareAsync() => fixture.Parent ??= (await _bench.RunAsync(
        IsolationRung.Native, _bench.Base,
        Prepare + "; touch /stamp; find / -xdev -not -path '/proc*' -not -path '/dev*' -not -path '/sys*'"
        + " -exec touch -h -d @500 {} +; touch -d @600 /stamp; touch -d @500 /")).Stack;

    private IReadOnlyList<string> Describe(LayerStack stack)
    {
        MergedTree tree = _bench.Store.Snapshots.Open(stack);
        return StoreFixture.Describe(tree);
    }

    /// <summary>One store for all cases; the parent is made by the first.</summary>
    public sealed class Fixture : IDisposable
    {
        internal StepBench Bench { get; } = new();

        internal LayerStack? Parent { get; set; }

        public void Dispose() => Bench.Dispose();
    }
}

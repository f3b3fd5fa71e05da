// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Executor.Context;
using Builder.Executor.Interop;
using Builder.Executor.Snapshots;
using Builder.Executor.Steps;
using Builder.Frontend.Ignore;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Ports;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Steps;

public sealed class CopyStepTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Store _store;
    private readonly CopyStep _step;

    public CopyStepTests()
    {
        _store = Store.Open(_directory["store"]);
        _step = new CopyStep(_store.Snapshots, _store.CachePath);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _store.Dispose();
        _directory.Dispose();
    }

    [RootFact]
    public async Task A_written_layer_is_what_its_snapshot_says_again()
    {
        byte[] large = RandomNumberGenerator.GetBytes((5 * CopyBatches.BatchBytes) + 17);
        Directory.CreateDirectory(_directory["context/deep/er"]);
        await File.WriteAllBytesAsync(_directory["context/large"], large, Cancellation);
        for (int i = 0; i < 300; i++)
        {
            _directory.Write($"context/deep/f{i}", new string('x', i * 20));
        }

        using LocalContext context = OpenContext();
        LayerPlan plan = Plan(
            context,
            [
                Entry("ro/", 0x16D, 5, 6),
                Entry("ro/empty", 0x1A4, 0, 0) with { Content = new InlineContent([]) },
                Entry("ro/link", 0x1FF, 7, 7, FileKind.Symlink) with { Node = Node("link", FileKind.Symlink, 0x1FF, 7, 7) with { LinkTarget = "/no/where" } },
                Entry("ro/pipe", 0x180, 1, 1, FileKind.Fifo),
                Entry("ro/setuid", 0x9ED, 33, 33) with { Content = new InlineContent([.. "run"u8]), Node = Node("setuid", FileKind.Regular, 0x9ED, 33, 33) with { Size = 3 } },
                Entry("ro/setuid2", 0x9ED, 33, 33) with { HardLinkTo = "ro/setuid", Node = Node("setuid2", FileKind.Regular, 0x9ED, 33, 33) with { Size = 3 } },
            ]);
        LayerResult result = await _step.RunAsync(plan, LayerStack.Empty, Cancellation);
        Assert.Equal(plan.Entries.Where(e => e.HardLinkTo is null).Sum(e => e.Node.Size), result.SizeBytes);
        DiffId layer = result.Layer!.Value;
        await using (Stream tar = _store.Snapshots.TryOpenTar(layer)!)
        {
            Assert.Equal(layer.Value, Digest.FromHash(await SHA256.HashDataAsync(tar, Cancellation)));
        }

        MergedTree tree = _store.Snapshots.Open(new LayerStack([layer]));
        Assert.Equal((0x9ED, 33u, 33u), Owner(tree.Find("ro/setuid2")!));
        Assert.Equal(tree.Find("ro/setuid")!.HardLinkKey, tree.Find("ro/setuid2")!.HardLinkKey);
        Assert.Equal((0x16D, 5u, 6u), Owner(tree.Find("ro")!));
        Assert.Equal("/no/where", tree.Find("ro/link")!.LinkTarget);
        Assert.Equal(FileKind.Fifo, tree.Find("ro/pipe")!.Kind);
        Assert.Equal(Digest.FromHash(SHA256.HashData(large)), tree.ContentDigest("app/large"));
        Assert.Equal(5, tree.Find("ro")!.ModifiedNanoseconds);
    }

    [Fact]
    public async Task Unchanged_files_are_shared_with_the_layer_before()
    {
        for (int i = 0; i < 200; i++)
        {
            _directory.Write($"context/deep/f{i}", $"content {i}");
        }

        (DiffId first, _) = await CopyContextAsync();
        _directory.Write("context/deep/f7", "changed");
        (DiffId second, LayerPlan plan) = await CopyContextAsync();
        Assert.NotEqual(first, second);
        string[] before = [.. await _store.Snapshots.EnsureAsync(new LayerStack([first]), null, Cancellation)];
        string[] after = [.. await _store.Snapshots.EnsureAsync(new LayerStack([second]), null, Cancellation)];
        Assert.Equal(Inode(before[0], "fs/app/deep/f8"), Inode(after[0], "fs/app/deep/f8"));
        Assert.NotEqual(Inode(before[0], "fs/app/deep/f7"), Inode(after[0], "fs/app/deep/f7"));
        Assert.Equal("content 7", await File.ReadAllTextAsync(Path.Combine(before[0], "fs/app/deep/f7"), Cancellation));
        await using (Stream tar = _store.Snapshots.TryOpenTar(second)!)
        {
            Assert.Equal(second.Value, Digest.FromHash(await SHA256.HashDataAsync(tar, Cancellation)));
        }

        using Store other = Store.Open(_directory["other"]);
        LayerResult anew = await new CopyStep(other.Snapshots, other.CachePath).RunAsync(plan, LayerStack.Empty, Cancellation);
        Assert.Equal(second, anew.Layer);
    }

    [Fact]
    public async Task A_file_that_grows_meanwhile_fails_the_step_and_leaves_nothing()
    {
        for (int i = 0; i < 500; i++)
        {
            _directory.Write($"context/f{i}", "content");
        }

        using LocalContext context = OpenContext();
        LayerPlan plan = Plan(context, []);
        _directory.Write("context/f250", "content and more");
        await Assert.ThrowsAsync<ContextException>(() => _step.RunAsync(plan, LayerStack.Empty, Cancellation));
        Assert.Empty(Directory.GetDirectories(Path.Combine(_store.Root, "snapshots")));
    }

    [Fact]
    public async Task A_plan_without_entries_makes_no_layer() =>
        Assert.Equal(new LayerResult(null, 0), await _step.RunAsync(new LayerPlan([]), LayerStack.Empty, Cancellation));

    private async Task<(DiffId Layer, LayerPlan Plan)> CopyContextAsync()
    {
        LocalContext context = OpenContext();
        LayerPlan plan = Plan(context, []);
        LayerResult result = await _step.RunAsync(plan, LayerStack.Empty, Cancellation);
        return (result.Layer!.Value, plan);
    }

    private LocalContext OpenContext() => new(_directory["context"], IgnoreMatcher.None, "", null, TimeProvider.System);

    private static LayerPlan Plan(LocalContext context, ImmutableArray<LayerPlanEntry> more)
    {
        var entries = new List<LayerPlanEntry>(more) { Entry("app/", 0x1ED, 0, 0) };
        Walk("");
        entries.Sort((a, b) => PathEncoding.ByteOrder.Compare(a.Path, b.Path));
        return new LayerPlan([.. entries]);

        void Walk(string directory)
        {
            foreach (FileNode node in context.List(directory))
            {
                string path = TreePath.Join(directory, node.Name);
                bool isFile = node.Kind == FileKind.Regular;
                entries.Add(new LayerPlanEntry("app/" + path, node, isFile ? new TreeContent(context, path) : null));
                if (!isFile)
                {
                    Walk(path);
                }
            }
        }
    }

    private static LayerPlanEntry Entry(string path, int mode, uint user, uint group, FileKind kind = FileKind.Regular)
    {
        string clean = path.TrimEnd('/');
        return new LayerPlanEntry(
            clean, Node(TreePath.Name(clean), path.EndsWith('/') ? FileKind.Directory : kind, mode, user, group), null);
    }

    private static FileNode Node(string name, FileKind kind, int mode, uint user, uint group) => new()
    {
        Name = name,
        Kind = kind,
        Mode = mode,
        UserId = user,
        GroupId = group,
        ModifiedSeconds = 1_485_449_953,
        ModifiedNanoseconds = 5,
    };

    private static (int Mode, uint User, uint Group) Owner(FileNode node) => (node.Mode, node.UserId, node.GroupId);

    private static ulong Inode(string root, string path) =>
        AtCalls.Stat(AtCalls.CurrentDirectory, PathEncoding.Encode(Path.Combine(root, path))).Inode;
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.TestSupport;

namespace Builder.Executor.Tests.Snapshots;

/// <summary>A store in a temporary directory, and layers made by shell commands.</summary>
public sealed class StoreFixture : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public StoreFixture()
    {
        Store = Store.Open(Path.Combine(_directory.Path, "store"));
    }

    public static Platform Platform { get; } = new() { Os = "linux", Architecture = "amd64" };

    public Store Store { get; }

    public string this[string name] => Path.Combine(_directory.Path, name);

    /// <summary>Makes a layer of what a shell script leaves in the current directory, on top of a stack.</summary>
    public LayerStack Push(LayerStack parent, string script)
    {
        using LayerDraft draft = Store.Snapshots.BeginLayer();
        Command.Shell($"cd '{draft.FilesPath}'\n{script}").Succeeded();
        IFileTree? below = parent.IsEmpty ? null : Store.Snapshots.Open(parent);
        LayerDigest? digest = draft.Digest(below, null, CancellationToken.None);
        if (digest is null)
        {
            return parent;
        }

        draft.Commit(digest.Value);
        return parent.Push(digest.Value.DiffId);
    }

    /// <summary>Commits an image.</summary>
    public CommittedImage Commit(LayerStack stack, params string[] names) => CommitAsync(
        new ImageConfig
        {
            Platform = Platform,
            Created = DateTimeOffset.UnixEpoch.AddDays(names.Length),
            Cmd = ["/bin/sh"],
            Env = ["PATH=/bin", "QUOTED=\"<&>é\""],
            Labels = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal).Add("a", "b+c"),
            RootFs = stack,
            History = [.. stack.Layers.Select(layer => new HistoryEntry { CreatedBy = $"RUN {layer}" })],
        },
        names).GetAwaiter().GetResult();

    /// <summary>Unpacks a stack whose blobs are there.</summary>
    public static IReadOnlyList<string> Ensure(Store store, LayerStack stack) =>
        store.Snapshots.EnsureAsync(stack, null, CancellationToken.None).GetAwaiter().GetResult();

    /// <summary>Every path of a tree with what can be compared, sorted.</summary>
    public static IReadOnlyList<string> Describe(IFileTree tree)
    {
        var lines = new List<string>();
        void Walk(string directory)
        {
            foreach (FileNode node in tree.List(directory))
            {
                string path = directory.Length == 0 ? node.Name : $"{directory}/{node.Name}";
                string content = node.Kind == FileKind.Regular ? tree.ContentDigest(path).Hex[..12] : node.LinkTarget ?? "";
                string attributes = string.Join(
                    ",", node.Xattrs.Select(x => $"{x.Name}={Convert.ToHexString(x.Value.AsSpan())}"));
                lines.Add(
                    $"{path} {node.Kind} {Convert.ToString(node.Mode, 8)} {node.UserId}:{node.GroupId} {node.Size} "
                    + $"{node.ModifiedSeconds}.{node.ModifiedNanoseconds:D9} {node.DeviceMajor}:{node.DeviceMinor} {content} {attributes}");
                if (node.Kind == FileKind.Directory)
                {
                    Walk(path);
                }
            }
        }

        Walk("");
        return lines;
    }

    public void Dispose()
    {
        Store.Dispose();
        _directory.Dispose();
    }

    private Task<CommittedImage> CommitAsync(ImageConfig config, string[] names) => Store.Images.CommitAsync(
        [new PlatformImage(Platform, config)], [.. names.Select(ImageReference.Parse)], null, CancellationToken.None);
}

// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Snapshots;
using Builder.Solver.Files;

namespace Builder.Executor.Steps;

/// <summary>A file or directory of the store that stands for a mount.</summary>
/// <param name="Target">Where the step shall see it.</param>
/// <param name="Source">Where it lies.</param>
/// <param name="IsDirectory">What it is.</param>
/// <param name="IsReadOnly">The step may not write to it.</param>
/// <param name="IsKept">It outlives the step: a cache.</param>
internal sealed record DirectoryMount(string Target, string Source, bool IsDirectory, bool IsReadOnly, bool IsKept);

/// <summary>
/// Mounts of a step where nothing can be mounted: directories and files of the store. What shows them to the step at
/// their targets (translated paths, or names moved into its tree) is the business of its isolation.
/// </summary>
/// <param name="scratch">A directory of the step's own.</param>
/// <param name="ownership">What the disk can hold.</param>
/// <param name="needsExclusiveCaches">A cache can be shown to one step at a time only.</param>
/// <param name="cancellationToken">Ends copying.</param>
internal sealed class DirectoryMounts(
    string scratch, OwnershipMode ownership, bool needsExclusiveCaches, CancellationToken cancellationToken) : StepMountMaker
{
    private const int DirectoryMode = 0b111_101_101;
    private const int TmpfsMode = 0b001_111_111_111;

    private readonly List<DirectoryMount> _mounts = [];
    private readonly List<IDisposable> _resources = [];
    private int _directories;

    /// <summary>In order.</summary>
    public IReadOnlyList<DirectoryMount> Mounts => _mounts;

    /// <inheritdoc/>
    public override bool NeedsExclusiveCaches => needsExclusiveCaches;

    /// <inheritdoc/>
    public override void AddTree(
        string target, MergedTree? tree, IReadOnlyList<string> lowers, string part, bool isWritable)
    {
        string holder = NewDirectory(DirectoryMode);
        var owners = new OwnerStore(ownership, Path.Combine(scratch, Path.GetFileName(holder) + ".owners"));
        using FileDescriptor root = AtCalls.Open(holder, OpenFlags.DirectoryPath);
        var materializer = new TreeMaterializer(root, owners, cancellationToken);
        StoredEntry? entry = tree?.FindStored(part);
        if (entry is null or { Status.IsDirectory: true })
        {
            if (entry is not null)
            {
                materializer.WriteDirectory(tree!, entry, part);
            }

            _mounts.Add(new DirectoryMount(target, holder, IsDirectory: true, !isWritable, IsKept: false));
            return;
        }

        materializer.WriteFile(entry, "file"u8.ToArray());
        _mounts.Add(new DirectoryMount(
            target, Path.Combine(holder, "file"), IsDirectory: false, !isWritable, IsKept: false));
    }

    /// <inheritdoc/>
    public override void AddCache(string target, string directory, bool isReadOnly) =>
        _mounts.Add(new DirectoryMount(target, directory, IsDirectory: true, isReadOnly, IsKept: true));

    /// <inheritdoc/>
    public override void AddTmpfs(string target, long sizeBytes) =>
        _mounts.Add(new DirectoryMount(target, NewDirectory(TmpfsMode), IsDirectory: true, IsReadOnly: false, IsKept: false));

    /// <inheritdoc/>
    public override void AddAgent(string target, string agent, int mode, uint userId, uint groupId)
    {
        string holder = NewDirectory(DirectoryMode);
        FileDescriptor directory = AtCalls.Open(holder, OpenFlags.DirectoryPath);
        _resources.Add(directory);
        _resources.Add(SshAgentForward.Start(
            agent, directory.Value, mode, userId, groupId,
            ownership is OwnershipMode.SingleId or OwnershipMode.SingleIdShadowedModes));
        _mounts.Add(new DirectoryMount(
            target, Path.Combine(holder, SshAgentForward.SocketName), IsDirectory: false, IsReadOnly: false, IsKept: false));
    }

    /// <summary>Copies a cache that the step may read but not write, for where nothing else keeps it from writing.</summary>
    public string CopyOf(DirectoryMount cache)
    {
        string holder = NewDirectory(DirectoryMode);
        using FileDescriptor root = AtCalls.Open(holder, OpenFlags.DirectoryPath);
        using FileDescriptor source = AtCalls.Open(cache.Source, OpenFlags.DirectoryPath);
        var owners = new OwnerStore(ownership, tablePath: null);
        new TreeMaterializer(root, owners, cancellationToken).Apply(source, owners);
        return holder;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        for (int i = _resources.Count - 1; i >= 0; i--)
        {
            _resources[i].Dispose();
        }

        _resources.Clear();
    }

    private string NewDirectory(int mode)
    {
        string path = Path.Combine(scratch, string.Create(CultureInfo.InvariantCulture, $"mount-{_directories++}"));
        Directory.CreateDirectory(path);
        AtCalls.Chmod(AtCalls.CurrentDirectory, PathEncoding.Encode(path), mode);
        return path;
    }
}

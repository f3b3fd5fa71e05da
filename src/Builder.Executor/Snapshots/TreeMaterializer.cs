// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Solver.Files;

namespace Builder.Executor.Snapshots;

/// <summary>
/// Turns layers into a plain directory: what an overlay mount would show, copied. Every name is reached from a held
/// directory and no link is followed, so that nothing outside can be hit. Not thread-safe.
/// </summary>
internal sealed class TreeMaterializer
{
    private readonly EntryCopier _copier;
    private readonly CancellationToken _cancellationToken;

    /// <summary>Writes into a tree.</summary>
    /// <param name="root">The tree's root, held.</param>
    /// <param name="owners">Keeps owners that the tree's disk cannot.</param>
    /// <param name="cancellationToken">Stops between two entries.</param>
    public TreeMaterializer(FileDescriptor root, OwnerStore owners, CancellationToken cancellationToken)
    {
        _copier = new EntryCopier(root.Value, owners);
        _cancellationToken = cancellationToken;
    }

    /// <summary>Copies a directory of a file system into the tree's root, which must be empty, with its metadata.</summary>
    public void WriteDirectory(MergedTree tree, StoredEntry source, string path)
    {
        using FileDescriptor root = AtCalls.Open(_copier.Root, "."u8, OpenFlags.DirectoryRead);
        WriteContent(tree, path, root.Value, []);
        _copier.FinishDirectory(source, root.Value);
    }

    /// <summary>Copies one file of a file system to a name in the tree's root.</summary>
    public void WriteFile(StoredEntry source, byte[] name) => _copier.CopyFile(source, _copier.Root, name, name);

    /// <summary>Puts a layer, in overlay's upper form, on top of what the tree holds.</summary>
    /// <param name="layer">The layer's directory.</param>
    /// <param name="owners">Keeps owners that its disk cannot.</param>
    public void Apply(FileDescriptor layer, OwnerStore owners)
    {
        _copier.ForgetLinks();
        using FileDescriptor target = AtCalls.Open(_copier.Root, "."u8, OpenFlags.DirectoryRead);
        ApplyContent(layer.Value, owners, [], target.Value);
        _copier.FinishDirectory(StoredAt(layer.Value, owners, [], "."u8.ToArray()), target.Value);
    }

    private static byte[] Join(byte[] directory, byte[] name) =>
        directory.Length == 0 ? name : [.. directory, (byte)'/', .. name];

    private static StoredEntry StoredAt(int root, OwnerStore owners, byte[] name, byte[] path) =>
        new(name, Layer: 0, root, path, AtCalls.Stat(root, path), owners);

    private void WriteContent(MergedTree tree, string directory, int target, byte[] targetPath)
    {
        foreach (StoredEntry entry in tree.ListStored(directory))
        {
            _cancellationToken.ThrowIfCancellationRequested();
            byte[] place = Join(targetPath, entry.Name);
            if (!entry.Status.IsDirectory)
            {
                _copier.CopyFile(entry, target, entry.Name, place);
                continue;
            }

            string name = PathEncoding.Decode(entry.Name);
            EntryCopier.BeginDirectory(target, entry.Name);
            using FileDescriptor child = AtCalls.Open(target, entry.Name, OpenFlags.DirectoryRead);
            WriteContent(tree, directory.Length == 0 ? name : $"{directory}/{name}", child.Value, place);
            _copier.FinishDirectory(entry, child.Value);
        }
    }

    private void ApplyContent(int layer, OwnerStore owners, byte[] path, int target)
    {
        List<DirectoryEntry> entries = DirectoryReader.Read(layer, path);
        DirectoryReader.SortByBytes(entries);
        foreach (DirectoryEntry entry in entries)
        {
            _cancellationToken.ThrowIfCancellationRequested();
            byte[] place = Join(path, entry.Name);
            StoredEntry source = StoredAt(layer, owners, entry.Name, place);
            if (source.Status.IsDirectory)
            {
                ApplyDirectory(source, target, place);
                continue;
            }

            FileTreeRemover.Remove(target, entry.Name);
            if (!source.Status.IsWhiteout)
            {
                _copier.CopyFile(source, target, entry.Name, place);
            }
        }
    }

    private void ApplyDirectory(StoredEntry source, int target, byte[] place)
    {
        bool isThere = AtCalls.TryStat(target, source.Name, out FileStatus status);
        if (isThere && (!status.IsDirectory || Whiteout.IsOpaque(source.Root, source.Path)))
        {
            FileTreeRemover.Remove(target, source.Name);
            isThere = false;
        }

        if (!isThere)
        {
            EntryCopier.BeginDirectory(target, source.Name);
        }

        using FileDescriptor child = AtCalls.Open(target, source.Name, OpenFlags.DirectoryRead);
        ApplyContent(source.Root, source.Owners, place, child.Value);
        if (isThere)
        {
            DropAttributes(source, child.Value);
        }

        _copier.FinishDirectory(source, child.Value);
    }

    // Of a directory that was there: what the layer's no longer has.
    private static void DropAttributes(StoredEntry source, int directory)
    {
        List<string> wanted = Xattrs.List(source.Root, source.Path);
        foreach (string attribute in Xattrs.List(directory, "."u8))
        {
            if (!wanted.Contains(attribute))
            {
                Xattrs.Remove(directory, attribute);
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Solver.Files;

namespace Builder.Executor.Snapshots;

/// <summary>
/// Moves what differs from the parent out of a plain tree into a layer's directory, in the form that an overlay upper
/// would have: whole files, whiteouts for what is gone, opaque marks on directories that were replaced, and the
/// directories above them with their own metadata. The tree has holes afterwards, which the layer fills again
/// (<see cref="TreeMaterializer.Apply"/>). No process may be left that writes to the tree. Not thread-safe.
/// </summary>
internal sealed class ChangeCollector
{
    private const int NewDirectoryMode = 0b111_000_000;

    private readonly TreeRecord _record;
    private readonly MergedTree? _below;
    private readonly OwnerStore _treeOwners;
    private readonly LayerDraft _draft;
    private readonly IReadOnlySet<ulong> _foreign;
    private readonly CancellationToken _cancellationToken;
    private readonly LinkedFiles _linked;
    private readonly FileDescriptor _upper;

    private ChangeCollector(
        TreeRecord record, MergedTree? below, OwnerStore treeOwners, LayerDraft draft, FileDescriptor upper,
        IReadOnlySet<ulong> foreign, CancellationToken cancellationToken)
    {
        _record = record;
        _below = below;
        _treeOwners = treeOwners;
        _draft = draft;
        _upper = upper;
        _foreign = foreign;
        _linked = new LinkedFiles(upper, draft.Owners);
        _cancellationToken = cancellationToken;
    }

    /// <summary>Collects.</summary>
    /// <param name="root">The tree's root.</param>
    /// <param name="record">What it was like when it equalled <paramref name="below"/>.</param>
    /// <param name="below">The parent; null for nothing.</param>
    /// <param name="treeOwners">Owners of the tree's files.</param>
    /// <param name="draft">Where the changes go; on the tree's file system.</param>
    /// <param name="foreign">Inodes that were put into the tree and belong to no layer: they are removed.</param>
    /// <param name="cancellationToken">Stops the walk; the tree is of no use then.</param>
    public static void Collect(
        FileDescriptor root, TreeRecord record, MergedTree? below, OwnerStore treeOwners, LayerDraft draft,
        IReadOnlySet<ulong> foreign, CancellationToken cancellationToken)
    {
        using FileDescriptor upper = AtCalls.Open(draft.FilesPath, OpenFlags.DirectoryRead);
        var collector = new ChangeCollector(record, below, treeOwners, draft, upper, foreign, cancellationToken);
        using FileDescriptor directory = AtCalls.Open(root.Value, "."u8, OpenFlags.DirectoryRead);
        using var frame = new Frame(collector, null, directory, [], "");
        collector.Walk(frame);
        collector._linked.Separate();
    }

    private static byte[] Join(byte[] directory, byte[] name) =>
        directory.Length == 0 ? name : [.. directory, (byte)'/', .. name];

    private void Walk(Frame frame)
    {
        int directory = frame.Tree.Value;
        bool isChanged = !_record.IsUnchanged(frame.Status);
        HashSet<string>? missing = isChanged && _below is not null
            ? [.. _below.ListStored(frame.Text).Select(entry => PathEncoding.Decode(entry.Name))]
            : null;
        foreach (DirectoryEntry entry in DirectoryReader.Read(directory))
        {
            _cancellationToken.ThrowIfCancellationRequested();
            FileStatus status = AtCalls.Stat(directory, entry.Name);
            string name = PathEncoding.Decode(entry.Name);
            if (_foreign.Contains(status.Inode))
            {
                FileTreeRemover.Remove(directory, entry.Name);
                continue;
            }

            // In a directory of which no name has changed, every name is one of the parent's.
            bool isBelow = missing?.Remove(name) ?? (_below is not null && !isChanged);
            Visit(frame, entry.Name, frame.Text.Length == 0 ? name : $"{frame.Text}/{name}", status, isBelow);
        }

        foreach (string name in missing ?? [])
        {
            Whiteout.Make(frame.OpenUpper(), PathEncoding.Encode(name));
        }

        if (isChanged && frame.Parent is not null && !frame.HasUpper
            && !EntryComparer.IsSame(
                _below!, frame.Text, frame.Parent.Tree.Value, frame.Name, _treeOwners, frame.Status))
        {
            frame.OpenUpper();
        }

        frame.FinishUpper();
    }

    private void Visit(Frame frame, byte[] name, string path, in FileStatus status, bool isBelow)
    {
        if (!status.IsDirectory)
        {
            if (!(isBelow && IsSame(frame, name, path, status)))
            {
                MoveFile(frame, name, status);
            }
        }
        else if (isBelow && _record.IsSameDirectory(status, path))
        {
            using FileDescriptor tree = AtCalls.Open(frame.Tree.Value, name, OpenFlags.DirectoryRead);
            using var child = new Frame(this, frame, tree, name, path);
            Walk(child);
        }
        else
        {
            MoveDirectory(frame, name, isBelow);
        }
    }

    private bool IsSame(Frame frame, byte[] name, string path, in FileStatus status)
    {
        // Where the disk cannot hold owners, those of links and nodes are in a table: their inodes do not change with it.
        bool isOnDisk = _treeOwners.Mode == OwnershipMode.Native || status.IsRegular;
        if (_record.IsUnchanged(status) && isOnDisk)
        {
            return true;
        }

        // A new name of an old file belongs into the layer with the file, as it does on overlayfs.
        bool hasNewName = status.LinkCount > 1 && status.LinkCount > _record.LinkCountOf(status.Inode);
        return !hasNewName && EntryComparer.IsSame(_below!, path, frame.Tree.Value, name, _treeOwners, status);
    }

    private void MoveFile(Frame frame, byte[] name, in FileStatus status)
    {
        if (status.Kind == FileKind.Socket)
        {
            AtCalls.TryUnlink(frame.Tree.Value, name); // no layer holds one, so no later step sees one
            return;
        }

        AtCalls.Rename(frame.Tree.Value, name, frame.OpenUpper(), name);
        TakeOver(status, Join(frame.Path, name));
    }

    private void MoveDirectory(Frame frame, byte[] name, bool isBelow)
    {
        AtCalls.Rename(frame.Tree.Value, name, frame.OpenUpper(), name);
        if (isBelow)
        {
            Whiteout.MakeOpaque(frame.OpenUpper(), name);
        }

        using FileDescriptor moved = AtCalls.Open(frame.OpenUpper(), name, OpenFlags.DirectoryRead);
        LookThrough(moved.Value, Join(frame.Path, name));
    }

    // What was moved as a whole may hold what belongs to no layer, and second names of files elsewhere.
    private void LookThrough(int directory, byte[] path)
    {
        FileStatus self = AtCalls.Stat(directory, []);
        bool isChanged = false;
        foreach (DirectoryEntry entry in DirectoryReader.Read(directory))
        {
            FileStatus status = AtCalls.Stat(directory, entry.Name);
            if (_foreign.Contains(status.Inode))
            {
                FileTreeRemover.Remove(directory, entry.Name);
                isChanged = true;
            }
            else if (status.IsDirectory)
            {
                using FileDescriptor child = AtCalls.Open(directory, entry.Name, OpenFlags.DirectoryRead);
                LookThrough(child.Value, Join(path, entry.Name));
            }
            else
            {
                TakeOver(status, Join(path, entry.Name));
            }
        }

        if (isChanged)
        {
            AtCalls.SetModificationTime(
                directory, [], self.Modification.Seconds, (int)self.Modification.Nanoseconds);
        }
    }

    private void TakeOver(in FileStatus status, byte[] path)
    {
        _draft.Owners.Adopt(_treeOwners, status);
        if (status.LinkCount > 1)
        {
            _linked.Add(status, wasLinked: _record.LinkCountOf(status.Inode) > 1, path);
        }
    }

    /// <summary>A directory of the tree on the way down, and its counterpart in the layer once there is need of one.</summary>
    private sealed class Frame : IDisposable
    {
        private readonly ChangeCollector _collector;
        private FileDescriptor? _upper;

        public Frame(ChangeCollector collector, Frame? parent, FileDescriptor tree, byte[] name, string text)
        {
            _collector = collector;
            Parent = parent;
            Tree = tree;
            Name = name;
            Text = text;
            Path = parent is null ? [] : Join(parent.Path, name);
            Status = AtCalls.Stat(tree.Value, []);
        }

        public Frame? Parent { get; }

        public FileDescriptor Tree { get; }

        public byte[] Name { get; }

        public byte[] Path { get; }

        public string Text { get; }

        /// <summary>Before anything was moved out of it.</summary>
        public FileStatus Status { get; }

        public bool HasUpper => _upper is not null;

        public int OpenUpper()
        {
            if (_upper is null && Parent is null)
            {
                _upper = AtCalls.Open(_collector._upper.Value, "."u8, OpenFlags.DirectoryRead);
            }
            else if (_upper is null)
            {
                int above = Parent!.OpenUpper();
                AtCalls.MakeDirectory(above, Name, NewDirectoryMode);
                _upper = AtCalls.Open(above, Name, OpenFlags.DirectoryRead);
            }

            return _upper.Value;
        }

        /// <summary>Gives the counterpart the directory's metadata; the root always has one.</summary>
        public void FinishUpper()
        {
            if (_upper is not null || Parent is null)
            {
                int upper = OpenUpper();
                var source = new StoredEntry(
                    Name, 0, Parent?.Tree.Value ?? Tree.Value, Parent is null ? "."u8.ToArray() : Name, Status,
                    _collector._treeOwners);
                new EntryCopier(upper, _collector._draft.Owners).FinishDirectory(source, upper);
            }
        }

        public void Dispose() => _upper?.Dispose();
    }
}

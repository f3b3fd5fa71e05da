// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Solver.Files;

namespace Builder.Executor.Images;

/// <summary>Writes the files of an image instead of the image: <c>-o type=local</c> and <c>-o type=tar</c>.</summary>
public static class FileSystemExporter
{
    private const int CopyBytes = 256 * 1024;
    private const int NewDirectoryMode = 0b111_101_101;

    /// <summary>Writes a tar of a tree to a stream, which stays open.</summary>
    public static void WriteTar(IFileTree tree, Stream output, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tree);
        var writer = new LayerTarWriter(output);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        foreach ((string path, FileNode node, string? hardLinkTo) in Walk(tree, cancellationToken))
        {
            LayerEntry entry = LayerEntry.From(path, node, hardLinkTo);
            writer.WriteEntry(entry);
            if (!entry.HasContent)
            {
                continue;
            }

            using Stream content = tree.Open(path);
            int count;
            while ((count = content.Read(buffer)) > 0)
            {
                writer.WriteContent(buffer.AsSpan(0, count));
            }
        }

        ArrayPool<byte>.Shared.Return(buffer);
        writer.Finish();
    }

    /// <summary>
    /// Writes the files of a tree into a directory, which is made when it is missing; files of the same name are
    /// replaced. An ordinary user becomes the owner of everything, as there is no other way; device nodes are then left
    /// out, and their paths returned.
    /// </summary>
    public static IReadOnlyList<string> WriteDirectory(
        IFileTree tree, string directory, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tree);
        Directory.CreateDirectory(directory);
        OwnershipMode mode = OwnershipModes.Detect();
        var skipped = new List<string>();
        var times = new List<(byte[] Path, FileNode Node)>();
        using FileDescriptor root = AtCalls.Open(directory, OpenFlags.DirectoryPath);
        foreach ((string path, FileNode node, string? hardLinkTo) in Walk(tree, cancellationToken))
        {
            byte[] full = PathEncoding.Encode(path);
            byte[] name = RootedPath.Name(full).ToArray();
            // No link of the target directory is followed on the way to a file's place.
            using FileDescriptor parent = OpenInside(root, RootedPath.Parent(full));
            if (node.Kind != FileKind.Directory || !IsDirectory(parent, name))
            {
                FileTreeRemover.Remove(parent.Value, name);
            }

            if (!Write(tree, path, node, hardLinkTo, root, parent, name, mode))
            {
                skipped.Add(path);
            }
            else if (node.Kind == FileKind.Directory)
            {
                times.Add((full, node));
            }
        }

        // Innermost first: a directory may become read-only, and its time must outlast what is written into it.
        times.Reverse();
        foreach ((byte[] path, FileNode node) in times)
        {
            using FileDescriptor parent = OpenInside(root, RootedPath.Parent(path));
            Finish(node, parent, RootedPath.Name(path).ToArray(), mode);
        }

        return skipped;
    }

    private static bool IsDirectory(FileDescriptor parent, byte[] name) =>
        AtCalls.TryStat(parent.Value, name, out FileStatus status) && status.IsDirectory;

    private static FileDescriptor OpenInside(FileDescriptor root, ReadOnlySpan<byte> path)
    {
        int descriptor = AtCalls.RawOpenResolved(
            root.Value, path.IsEmpty ? "."u8 : path, OpenFlags.DirectoryPath,
            Libc.ResolveNoSymlinks | Libc.ResolveBeneath);
        return descriptor >= 0 ? new FileDescriptor(descriptor) : throw AtCalls.Failure("open", root.Value, path);
    }

    private static bool Write(
        IFileTree tree, string path, FileNode node, string? hardLinkTo, FileDescriptor root, FileDescriptor parent,
        byte[] name, OwnershipMode mode)
    {
        if (hardLinkTo is not null)
        {
            byte[] first = PathEncoding.Encode(hardLinkTo);
            using FileDescriptor holder = OpenInside(root, RootedPath.Parent(first));
            AtCalls.Link(holder.Value, RootedPath.Name(first), parent.Value, name);
            return true;
        }

        switch (node.Kind)
        {
            case FileKind.Directory:
                AtCalls.TryMakeDirectory(parent.Value, name, NewDirectoryMode);
                return true;
            case FileKind.Regular:
                using (FileDescriptor file = LayerDirectory.CreateFile(parent.Value, name))
                using (Stream content = tree.Open(path))
                {
                    byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
                    RandomAccessWriter.Copy(file, 0, node.Size, content.Read, buffer);
                    ArrayPool<byte>.Shared.Return(buffer);
                }

                break;
            case FileKind.Symlink:
                AtCalls.Symlink(PathEncoding.Encode(node.LinkTarget ?? ""), parent.Value, name);
                break;
            case FileKind.Fifo or FileKind.CharacterDevice or FileKind.BlockDevice:
                int type = node.Kind switch
                {
                    FileKind.Fifo => FileType.Fifo,
                    FileKind.BlockDevice => FileType.BlockDevice,
                    _ => FileType.CharacterDevice,
                };
                if (!AtCalls.RawMknod(parent.Value, name, type | 0b110_000_000, node.DeviceMajor, node.DeviceMinor))
                {
                    return false;
                }

                break;
            default:
                return false;
        }

        Finish(node, parent, name, mode);
        return true;
    }

    private static void Finish(FileNode node, FileDescriptor parent, byte[] name, OwnershipMode mode)
    {
        bool isOwner = mode is OwnershipMode.Native or OwnershipMode.SubIds
            && AtCalls.RawChown(parent.Value, name, node.UserId, node.GroupId);
        if (node.Kind != FileKind.Symlink)
        {
            // A set-id bit must not pass to another owner.
            AtCalls.Chmod(parent.Value, name, isOwner ? node.Mode : node.Mode & 0b111_111_111);
        }

        foreach (ExtendedAttribute attribute in node.Xattrs)
        {
            // Best effort: the target's file system may have none.
            Xattrs.RawSet(parent.Value, name, attribute.Name, attribute.Value.AsSpan());
        }

        AtCalls.SetModificationTime(parent.Value, name, node.ModifiedSeconds, node.ModifiedNanoseconds);
    }

    /// <summary>Everything in a tree but its root, parents first, in the order of a layer; hard links after their first
    /// name.</summary>
    private static IEnumerable<(string Path, FileNode Node, string? HardLinkTo)> Walk(
        IFileTree tree, CancellationToken cancellationToken)
    {
        var firstNames = new Dictionary<string, string>(StringComparer.Ordinal);
        var pending = new Stack<(string Path, FileNode Node, bool Enter)>();
        PushContent(tree, "", pending);
        while (pending.TryPop(out (string Path, FileNode Node, bool Enter) item))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (item.Enter)
            {
                PushContent(tree, item.Path, pending);
                continue;
            }

            string? first = null;
            if (item.Node.HardLinkKey is { } key && !firstNames.TryGetValue(key, out first))
            {
                firstNames.Add(key, item.Path);
            }

            if (item.Node.Kind != FileKind.Socket)
            {
                yield return (item.Path, item.Node, first);
            }
        }
    }

    private static void PushContent(IFileTree tree, string directory, Stack<(string Path, FileNode Node, bool Enter)> pending)
    {
        // "a" < "a.txt" < "a/b": a directory's content sorts as if its name ended with '/'.
        var items = new List<(string Key, FileNode Node, bool Enter)>();
        foreach (FileNode node in tree.List(directory))
        {
            items.Add((node.Name, node, false));
            if (node.Kind == FileKind.Directory)
            {
                items.Add((node.Name + "/", node, true));
            }
        }

        items.Sort(static (one, other) => PathEncoding.ByteOrder.Compare(other.Key, one.Key));
        foreach ((_, FileNode node, bool enter) in items)
        {
            pending.Push((directory.Length == 0 ? node.Name : $"{directory}/{node.Name}", node, enter));
        }
    }
}

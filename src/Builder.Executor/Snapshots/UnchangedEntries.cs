// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Solver.Files;

namespace Builder.Executor.Snapshots;

/// <summary>
/// Takes out of a layer's directory what is the same below it. overlayfs copies up whatever is opened for writing (every
/// lock file of a package manager); a comparison of trees never sees that. Without such entries the layer is the same on
/// every rung, and smaller.
/// </summary>
internal static class UnchangedEntries
{
    /// <summary>Removes them from a directory in overlay's upper form; times of directories stay.</summary>
    /// <param name="files">The layer's directory.</param>
    /// <param name="owners">Owners of its files.</param>
    /// <param name="below">What it lies on.</param>
    /// <param name="cancellationToken">Stops the walk.</param>
    public static void Remove(string files, OwnerStore owners, MergedTree below, CancellationToken cancellationToken)
    {
        using FileDescriptor root = AtCalls.Open(files, OpenFlags.DirectoryRead);
        _ = RemoveFrom(root.Value, "", owners, below, cancellationToken);
    }

    /// <summary>True when the directory is empty now.</summary>
    private static bool RemoveFrom(
        int directory, string path, OwnerStore owners, MergedTree below, CancellationToken cancellationToken)
    {
        FileStatus self = AtCalls.Stat(directory, []);
        int left = 0;
        bool isChanged = false;
        foreach (DirectoryEntry entry in DirectoryReader.Read(directory))
        {
            cancellationToken.ThrowIfCancellationRequested();
            string name = PathEncoding.Decode(entry.Name);
            if (RemoveEntry(directory, entry.Name, path.Length == 0 ? name : $"{path}/{name}", owners, below, cancellationToken))
            {
                isChanged = true;
            }
            else
            {
                left++;
            }
        }

        if (isChanged)
        {
            AtCalls.SetModificationTime(
                directory, [], self.Modification.Seconds, (int)self.Modification.Nanoseconds);
        }

        return left == 0;
    }

    private static bool RemoveEntry(
        int directory, byte[] name, string path, OwnerStore owners, MergedTree below, CancellationToken cancellationToken)
    {
        FileStatus status = AtCalls.Stat(directory, name);
        if (!status.IsDirectory)
        {
            return !status.IsWhiteout && status.LinkCount == 1
                && EntryComparer.IsSame(below, path, directory, name, owners, status)
                && AtCalls.TryUnlink(directory, name);
        }

        if (Whiteout.IsOpaque(directory, name) || below.Find(path) is not { Kind: FileKind.Directory })
        {
            return false;
        }

        bool isEmpty;
        using (FileDescriptor child = AtCalls.Open(directory, name, OpenFlags.DirectoryRead))
        {
            isEmpty = RemoveFrom(child.Value, path, owners, below, cancellationToken);
        }

        return isEmpty && EntryComparer.IsSame(below, path, directory, name, owners, status)
            && AtCalls.TryRemoveDirectory(directory, name);
    }
}

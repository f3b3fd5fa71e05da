// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;

namespace Builder.Executor.Running;

/// <summary>
/// Fills a new volume with what the image has at its mount point: files, directories and links with owners, modes, times
/// and attributes. Devices and sockets are left out. Every directory is held open; links are never followed.
/// </summary>
internal static class TreeSeeder
{
    /// <summary>Copies the content of a directory into another, empty one, and its owner and mode.</summary>
    public static void Copy(FileDescriptor source, FileDescriptor destination)
    {
        foreach (DirectoryEntry entry in DirectoryReader.Read(source.Value))
        {
            CopyEntry(source.Value, destination.Value, entry.Name);
        }

        CopyAttributes(AtCalls.Stat(source.Value, []), source.Value, destination.Value, []);
    }

    private static void CopyEntry(int source, int destination, ReadOnlySpan<byte> name)
    {
        FileStatus status = AtCalls.Stat(source, name);
        if (status.IsDirectory)
        {
            AtCalls.MakeDirectory(destination, name, status.Permissions);
            using FileDescriptor from = AtCalls.Open(source, name, OpenFlags.DirectoryRead);
            using FileDescriptor to = AtCalls.Open(destination, name, OpenFlags.DirectoryRead);
            Copy(from, to);
        }
        else if (status.IsSymlink)
        {
            AtCalls.Symlink(AtCalls.ReadLink(source, name), destination, name);
            _ = AtCalls.RawChown(destination, name, status.UserId, status.GroupId);
        }
        else if (status.IsRegular)
        {
            CopyFile(source, destination, name, status);
        }
    }

    private static void CopyFile(int source, int destination, ReadOnlySpan<byte> name, FileStatus status)
    {
        const int New = OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.CloseOnExec;
        using (FileStream from = new(AtCalls.Open(source, name, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.CloseOnExec).Release(), FileAccess.Read, 0))
        using (FileStream to = new(AtCalls.Open(destination, name, New, status.Permissions).Release(), FileAccess.Write, 0))
        {
            from.CopyTo(to, 1 << 20);
        }

        CopyAttributes(status, source, destination, name);
    }

    /// <summary>The owner first: changing it clears set-id bits and file capabilities.</summary>
    private static void CopyAttributes(FileStatus status, int source, int destination, ReadOnlySpan<byte> name)
    {
        _ = AtCalls.RawChown(destination, name, status.UserId, status.GroupId);
        AtCalls.Chmod(destination, name, status.Permissions);
        foreach (string attribute in Xattrs.List(source, name))
        {
            if (!attribute.Contains(".overlay.", StringComparison.Ordinal)
                && Xattrs.Get(source, name, attribute) is { } value)
            {
                _ = Xattrs.RawSet(destination, name, attribute, value);
            }
        }

        AtCalls.SetModificationTime(
            destination, name, status.Modification.Seconds, (int)status.Modification.Nanoseconds);
    }
}

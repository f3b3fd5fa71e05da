// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Solver.Files;

namespace Builder.Executor.Snapshots;

/// <summary>Tells whether an entry on disk is, for an image, the same as what a file system has at its path.</summary>
internal static class EntryComparer
{
    private const int BufferBytes = 128 * 1024;

    /// <summary>
    /// Compares kind, owner, mode, times, attributes, link text, device numbers and, when all that is equal, content;
    /// how many names a file has does not count.
    /// </summary>
    public static bool IsSame(MergedTree tree, string path, int directory, byte[] name, OwnerStore owners, in FileStatus status)
    {
        if (tree.Find(path) is not { } below || below.Kind != ActualKind(owners, directory, name, status, out RecordedAttributes self))
        {
            return false;
        }

        bool isAlike = (below.Mode == self.Mode || below.Kind == FileKind.Symlink)
            && (below.UserId, below.GroupId) == (self.UserId, self.GroupId)
            && below.ModifiedSeconds == status.Modification.Seconds
            && below.ModifiedNanoseconds == status.Modification.Nanoseconds
            && (below.DeviceMajor, below.DeviceMinor) == (self.DeviceMajor, self.DeviceMinor)
            && (below.Kind != FileKind.Regular || below.Size == status.Size)
            && (below.Kind != FileKind.Symlink
                || string.Equals(below.LinkTarget, PathEncoding.Decode(AtCalls.ReadLink(directory, name)), StringComparison.Ordinal));
        return isAlike && HasSameAttributes(below, directory, name)
            && (below.Kind != FileKind.Regular || HasSameContent(tree, path, directory, name));
    }

    private static FileKind ActualKind(
        OwnerStore owners, int directory, byte[] name, in FileStatus status, out RecordedAttributes attributes)
    {
        attributes = owners.Read(directory, name, status);
        return attributes.Kind;
    }

    private static bool HasSameAttributes(FileNode below, int directory, byte[] name)
    {
        System.Collections.Immutable.ImmutableArray<ExtendedAttribute> own = LayerXattrs.Read(directory, name);
        if (own.Length != below.Xattrs.Length)
        {
            return false;
        }

        for (int i = 0; i < own.Length; i++)
        {
            if (own[i].Name != below.Xattrs[i].Name || !own[i].Value.AsSpan().SequenceEqual(below.Xattrs[i].Value.AsSpan()))
            {
                return false;
            }
        }

        return true;
    }

    private static bool HasSameContent(MergedTree tree, string path, int directory, byte[] name)
    {
        using Stream below = tree.Open(path);
        using var own = new DescriptorStream(
            AtCalls.Open(directory, name, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlock), false);
        byte[] left = ArrayPool<byte>.Shared.Rent(BufferBytes);
        byte[] right = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (true)
            {
                int count = below.ReadAtLeast(left.AsSpan(0, BufferBytes), BufferBytes, throwOnEndOfStream: false);
                int other = own.ReadAtLeast(right.AsSpan(0, BufferBytes), BufferBytes, throwOnEndOfStream: false);
                if (!left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, other)))
                {
                    return false;
                }

                if (count < BufferBytes)
                {
                    return true;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(left);
            ArrayPool<byte>.Shared.Return(right);
        }
    }
}

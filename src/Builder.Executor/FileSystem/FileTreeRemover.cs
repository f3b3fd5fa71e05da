// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.FileSystem;

/// <summary>
/// Removes trees with unlinkat on directories that are held open: a path is never resolved twice, a symbolic link never
/// followed, so nothing outside the tree can be hit.
/// </summary>
internal static class FileTreeRemover
{
    private const int OwnerAccess = 0b111_000_000;

    /// <summary>Removes what stands at an absolute path, file or tree; nothing happens when nothing does.</summary>
    public static void Remove(string path) =>
        Remove(AtCalls.CurrentDirectory, Solver.Files.PathEncoding.Encode(path));

    /// <summary>Removes a name below a held directory, file or tree; nothing happens when there is none.</summary>
    public static void Remove(int directory, ReadOnlySpan<byte> name)
    {
        if (!AtCalls.TryStat(directory, name, out FileStatus status))
        {
            return;
        }

        if (!status.IsDirectory)
        {
            AtCalls.TryUnlink(directory, name);
            return;
        }

        using (FileDescriptor? opened = OpenForRemoval(directory, name))
        {
            if (opened is not null)
            {
                RemoveContent(opened.Value);
            }
        }

        AtCalls.TryRemoveDirectory(directory, name);
    }

    /// <summary>Removes everything in an open directory, which itself stays. It is read from its current position.</summary>
    public static void RemoveContent(int directory)
    {
        foreach (DirectoryEntry entry in DirectoryReader.Read(directory))
        {
            if (entry.IsDirectory || entry.TypeBits == 0)
            {
                Remove(directory, entry.Name);
            }
            else
            {
                AtCalls.TryUnlink(directory, entry.Name);
            }
        }
    }

    // Trees hold directories that their owner may not write (mode 0555); a user who is not root must change that first.
    private static FileDescriptor? OpenForRemoval(int directory, ReadOnlySpan<byte> name)
    {
        int descriptor = AtCalls.RawOpen(directory, name, OpenFlags.DirectoryRead, 0);
        if (descriptor < 0)
        {
            switch (AtCalls.LastError())
            {
                case Errno.ENOENT:
                    return null;
                case Errno.EACCES:
                    AtCalls.Chmod(directory, name, OwnerAccess);
                    return AtCalls.Open(directory, name, OpenFlags.DirectoryRead);
                default:
                    throw AtCalls.Failure("open", directory, name);
            }
        }

        var opened = new FileDescriptor(descriptor);
        if (Libc.GetEffectiveUserId() != 0 && (AtCalls.Stat(descriptor, []).Permissions & OwnerAccess) != OwnerAccess)
        {
            AtCalls.Chmod(descriptor, [], OwnerAccess);
        }

        return opened;
    }
}

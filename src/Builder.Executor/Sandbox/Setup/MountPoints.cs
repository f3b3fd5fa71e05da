// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Files;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>
/// Makes mount points that a file system lacks and takes them away again. Every component is opened inside the root and
/// held; nothing is made or removed by a path that is resolved twice.
/// </summary>
internal sealed class MountPoints(SafeFileHandle root)
{
    private const int DirectoryMode = 0b111_101_101;
    private const int FileMode = 0b110_100_100;

    private readonly List<string> _made = [];

    /// <summary>Makes what is missing of a mount point.</summary>
    /// <param name="target">Absolute path; links in it are followed inside the root.</param>
    /// <param name="isDirectory">What it must be when it is made.</param>
    /// <exception cref="SandboxException">Something else stands in the way.</exception>
    public void Ensure(string target, bool isDirectory)
    {
        using SafeFileTree tree = Open();
        string[] names = target.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int count = 1; count <= names.Length; count++)
        {
            string path = string.Join('/', names[..count]);
            using FileDescriptor? there = tree.TryOpen(PathEncoding.Encode(path), OpenFlags.Path);
            if (there is null)
            {
                Make(tree, path, target, isDirectory || count < names.Length);
            }
        }
    }

    /// <summary>
    /// Removes what <see cref="Ensure"/> made from the overlay's upper directory, as far as nothing was put there since.
    /// After the container's end its mount cannot be used: without a namespace, ".." in it fails with EAGAIN for ever.
    /// </summary>
    public void RemoveMade(string upper)
    {
        if (_made.Count == 0)
        {
            return;
        }

        using var tree = new SafeFileTree(upper);
        for (int i = _made.Count - 1; i >= 0; i--)
        {
            using FileDescriptor? parent = tree.TryOpenParent(_made[i], out byte[] name);
            if (parent is null || !AtCalls.TryStat(parent.Value, name, out FileStatus status))
            {
                continue;
            }

            TryRemove(parent.Value, name, status);
        }
    }

    // What is made and taken away here is nobody's change: neither the command nor the layer sees it in a time.
    private static void RestoreTime(int directory, FileTime time)
    {
        try
        {
            AtCalls.SetModificationTime(directory, "."u8, time.Seconds, (int)time.Nanoseconds);
        }
        catch (LinuxException failure) when (failure.Errno is Errno.EPERM or Errno.EACCES)
        {
            // A directory of somebody else, which may be written but not dated: a volume.
        }
    }

    private static void TryRemove(int parent, byte[] name, in FileStatus status)
    {
        FileTime time = AtCalls.Stat(parent, []).Modification;
        try
        {
            if (status.IsDirectory)
            {
                AtCalls.TryRemoveDirectory(parent, name);
            }
            else if (status is { IsRegular: true, Size: 0 })
            {
                AtCalls.TryUnlink(parent, name);
            }

            RestoreTime(parent, time);
        }
        catch (LinuxException failure) when (failure.Errno is Errno.ENOTEMPTY or Errno.EBUSY or Errno.EROFS)
        {
            // Something was put there, or the root has become read-only: it stays.
        }
    }

    private SafeFileTree Open()
    {
        using SafeFileHandle copy = Libc.Duplicate(root);
        var descriptor = new FileDescriptor(copy.Number());
        copy.SetHandleAsInvalid();
        return new SafeFileTree(descriptor);
    }

    private void Make(SafeFileTree tree, string path, string target, bool isDirectory)
    {
        using FileDescriptor parent = tree.TryOpenParent(path, out byte[] name)
            ?? throw new SandboxException($"mount on {target}: a file stands in the way");
        FileTime time = AtCalls.Stat(parent.Value, []).Modification;
        if (isDirectory)
        {
            if (!AtCalls.TryMakeDirectory(parent.Value, name, DirectoryMode))
            {
                throw new SandboxException($"mount on {target}: a dangling symbolic link stands in the way");
            }

            using FileDescriptor made = AtCalls.Open(parent.Value, name, OpenFlags.DirectoryRead);
            AtCalls.Chmod(made.Value, [], DirectoryMode);
        }
        else
        {
            MemoryFile.Write(parent.Value, PathEncoding.Decode(name), [], FileMode);
        }

        RestoreTime(parent.Value, time);
        _made.Add(path);
    }
}

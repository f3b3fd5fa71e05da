// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;
using Builder.Solver.Files;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>Calls that make, remove and rename names.</summary>
internal sealed class EntryCalls(GuestPaths paths, TraceOwners owners, OpenCalls opening)
{
    private const int RemoveDirectory = 0x200; // AT_REMOVEDIR
    private const int FollowLast = 0x400; // AT_SYMLINK_FOLLOW
    private const int DeviceMode = 0b110_000_000;

    /// <summary>unlink(2), rmdir(2), unlinkat(2).</summary>
    public Answer Remove(Tracee caller, int directory, ulong address, int flags)
    {
        Errno errno = Enter(caller, directory, address, out Entry? entry);
        using (entry)
        {
            if (errno != Errno.None)
            {
                return Answer.Fail(errno);
            }

            errno = IsPlace(entry!) ? Errno.EBUSY : paths.Access.CheckRemoval(caller, entry!);
            if (errno != Errno.None)
            {
                return Answer.Fail(errno);
            }

            if ((flags & RemoveDirectory) != 0)
            {
                paths.Access.Forget();
            }

            return Answer.Of(HostCall.At(CallNumbers.Unlinkat, entry!.Directory, entry.Name, flags & RemoveDirectory));
        }
    }

    /// <summary>rename(2), renameat(2), renameat2(2).</summary>
    public Answer Rename(Tracee caller, int fromDirectory, ulong from, int toDirectory, ulong to, int flags)
    {
        Errno errno = Enter(caller, fromDirectory, from, out Entry? source);
        using (source)
        {
            if (errno != Errno.None)
            {
                return Answer.Fail(errno);
            }

            errno = Enter(caller, toDirectory, to, out Entry? target);
            using (target)
            {
                if (errno != Errno.None)
                {
                    return Answer.Fail(errno);
                }

                errno = IsPlace(source!) || IsPlace(target!) ? Errno.EBUSY
                    : paths.Mounts.AreApart(source!.Directory, target!.Directory) ? Errno.EXDEV
                    : paths.Access.CheckMove(caller, source!, target!);
                if (errno != Errno.None)
                {
                    return Answer.Fail(errno);
                }

                paths.Access.Forget();
                return Answer.Of(HostCall.AtAt(
                    CallNumbers.Renameat2, source!.Directory, source.Name, target!.Directory, target.Name, flags));
            }
        }
    }

    /// <summary>link(2), linkat(2).</summary>
    public Answer Link(Tracee caller, int fromDirectory, ulong from, int toDirectory, ulong to, int flags)
    {
        if (TraceeMemory.ReadPath(caller.ThreadId, from) is not { } path)
        {
            return Answer.Fail(Errno.EFAULT);
        }

        Errno errno = EnterToMake(caller, toDirectory, to, out Entry? target);
        using (target)
        {
            if (errno != Errno.None)
            {
                return Answer.Fail(errno);
            }

            if (path.Length == 0 && (flags & Libc.AtEmptyPath) != 0)
            {
                using FileDescriptor? held = GuestPaths.OpenDescriptor(caller, fromDirectory);
                errno = held is null || HostCall.Status(held.Value, out FileStatus status) < 0
                    ? Errno.EBADF
                    : CheckLink(caller, held.Value, status, target!);
                return errno != Errno.None
                    ? Answer.Fail(errno)
                    : Answer.Of(HostCall.LinkHeld(held!.Value, target!.Directory, target.Name));
            }

            errno = paths.Find(caller, fromDirectory, path, (flags & FollowLast) != 0, out Found? found);
            using (found)
            {
                if (errno != Errno.None)
                {
                    return Answer.Fail(errno);
                }

                errno = found!.Status.IsDirectory ? Errno.EPERM : CheckLink(caller, found.File, found.Status, target!);
                if (errno != Errno.None)
                {
                    return Answer.Fail(errno);
                }

                if (!found.Status.IsSymlink)
                {
                    return Answer.Of(HostCall.LinkHeld(found.File, target!.Directory, target.Name));
                }
            }

            errno = paths.FindEntry(caller, fromDirectory, path, out Entry? source);
            using (source)
            {
                return errno != Errno.None
                    ? Answer.Fail(errno)
                    : Answer.Of(HostCall.AtAt(
                        CallNumbers.Linkat, source!.Directory, source.Name, target!.Directory, target.Name, 0));
            }
        }
    }

    /// <summary>symlink(2), symlinkat(2): the text is never looked at.</summary>
    public Answer Symlink(Tracee caller, ulong textAddress, int directory, ulong address)
    {
        if (TraceeMemory.ReadPath(caller.ThreadId, textAddress) is not { } text)
        {
            return Answer.Fail(Errno.EFAULT);
        }

        Errno errno = EnterToMake(caller, directory, address, out Entry? entry);
        using (entry)
        {
            long result = errno != Errno.None
                ? -(long)errno
                : HostCall.Symlink(text, entry!.Directory, entry.Name);
            if (result == 0)
            {
                Begin(caller, entry!, 0);
            }

            return Answer.Of(result);
        }
    }

    /// <summary>mkdir(2), mkdirat(2).</summary>
    public Answer MakeDirectory(Tracee caller, int directory, ulong address, int mode)
    {
        Errno errno = EnterToMake(caller, directory, address, out Entry? entry);
        using (entry)
        {
            int wanted = OpenCalls.Masked(caller, mode & 0b001_111_111_111);
            int diskMode = owners.DiskMode(FileKind.Directory, wanted);
            long result = errno != Errno.None
                ? -(long)errno
                : HostCall.At(CallNumbers.Mkdirat, entry!.Directory, entry.Name, diskMode);
            if (result == 0)
            {
                Begin(caller, entry!, wanted, opening.NeedsChmod(diskMode) ? diskMode : null);
            }

            return Answer.Of(result);
        }
    }

    /// <summary>mknod(2), mknodat(2): an empty file stands for a device.</summary>
    public Answer MakeNode(Tracee caller, int directory, ulong address, uint rawMode, ulong device)
    {
        int type = (int)rawMode & FileType.Mask;
        bool isDevice = type is FileType.CharacterDevice or FileType.BlockDevice;
        if (isDevice && !caller.Process.Identity.IsPrivileged)
        {
            return Answer.Fail(Errno.EPERM);
        }

        Errno errno = EnterToMake(caller, directory, address, out Entry? entry);
        using (entry)
        {
            if (errno != Errno.None)
            {
                return Answer.Fail(errno);
            }

            int wanted = OpenCalls.Masked(caller, (int)rawMode);
            long result = HostCall.At(
                CallNumbers.Mknodat, entry!.Directory, entry.Name,
                (isDevice && !owners.IsReal ? FileType.Regular : type)
                    | (isDevice ? DeviceMode : owners.DiskMode(FileKind.Fifo, wanted)),
                (nint)device);
            if (result < 0)
            {
                return Answer.Of(result);
            }

            if (!isDevice || owners.IsReal)
            {
                Begin(caller, entry, wanted);
                return Answer.Success;
            }

            using FileDescriptor? made = Open(entry);
            if (made is not null)
            {
                FileKind kind = type == FileType.BlockDevice ? FileKind.BlockDevice : FileKind.CharacterDevice;
                uint major = (uint)(device >> 8) & 0xFFF;
                uint minor = (uint)(device & 0xFF) | (uint)((device >> 12) & 0xFFF00);
                errno = owners.Begin(
                    made.Value, entry.Directory, caller.Process.Identity, wanted, (kind, major, minor));
            }

            return errno == Errno.None ? Answer.Success : Answer.Fail(errno);
        }
    }

    // A file of the machine, or of another mount: a cache's file in a layer would change with the cache.
    private Errno CheckLink(Tracee caller, int file, in FileStatus status, Entry target) =>
        !owners.IsOurs(status) || paths.Mounts.IsReadOnly(file) || paths.Mounts.AreApart(file, target.Directory)
            ? Errno.EXDEV
            : paths.Access.CheckLink(caller, file, status);

    private static FileDescriptor? Open(Entry entry)
    {
        long opened = HostCall.Open(entry.Directory, entry.Name, OpenFlags.Path | OpenFlags.NoFollow);
        return opened >= 0 ? new FileDescriptor((int)opened) : null;
    }

    // Another step may share the directory, a cache, and have put something else in its place: only a directory is changed.
    private void Begin(Tracee caller, Entry entry, int mode, int? directoryMode = null)
    {
        using FileDescriptor? made = Open(entry);
        if (made is not null)
        {
            if (directoryMode is { } disk && HostCall.Status(made.Value, out FileStatus status) == 0 && status.IsDirectory)
            {
                _ = HostCall.AtHeld(CallNumbers.Chmodat, made.Value, disk);
            }

            owners.Begin(made.Value, entry.Directory, caller.Process.Identity, mode);
        }
    }

    private Errno Enter(Tracee caller, int directory, ulong address, out Entry? entry)
    {
        entry = null;
        if (TraceeMemory.ReadPath(caller.ThreadId, address) is not { } path)
        {
            return Errno.EFAULT;
        }

        Errno errno = paths.FindEntry(caller, directory, path, out entry);
        if (errno == Errno.None && paths.Mounts.IsReadOnly(entry!.Directory))
        {
            entry.Dispose();
            entry = null;
            return Errno.EROFS;
        }

        return errno;
    }

    private Errno EnterToMake(Tracee caller, int directory, ulong address, out Entry? entry)
    {
        Errno errno = Enter(caller, directory, address, out entry);
        if (errno == Errno.None && paths.Access.CheckMaking(caller, entry!) is var refused and not Errno.None)
        {
            entry!.Dispose();
            entry = null;
            return refused;
        }

        return errno;
    }

    private bool IsPlace(Entry entry) =>
        HostCall.StatusAt(entry.Directory, entry.Name, out FileStatus status) == 0
        && paths.Mounts.AtPlace(status) is not null;
}

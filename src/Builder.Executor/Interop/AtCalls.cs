// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Solver.Files;

namespace Builder.Executor.Interop;

/// <summary>
/// File-system calls relative to a directory that is held open; names are bytes without NUL. What fails throws a
/// <see cref="LinuxException"/> with the full path; what begins with Try gives false when the name is missing (or, for
/// creation, when it exists) and throws otherwise.
/// </summary>
internal static unsafe class AtCalls
{
    /// <summary>The current directory, for absolute names.</summary>
    public const int CurrentDirectory = Libc.AtFdCwd;

    private const int MaxLinkBytes = 4096;
    private const int MaxResolveAttempts = 10_000;

    /// <summary>Opens; the mode counts for new files only and is subject to the umask.</summary>
    public static FileDescriptor Open(int directory, ReadOnlySpan<byte> name, int flags, int mode = 0)
    {
        int descriptor = RawOpen(directory, name, flags, mode);
        return descriptor >= 0 ? new FileDescriptor(descriptor) : throw Failure("open", directory, name);
    }

    /// <summary>Opens an absolute path.</summary>
    public static FileDescriptor Open(string path, int flags, int mode = 0) =>
        Open(CurrentDirectory, PathEncoding.Encode(path), flags, mode);

    /// <summary>Opens, or null when there is nothing of that name.</summary>
    public static FileDescriptor? TryOpen(int directory, ReadOnlySpan<byte> name, int flags)
    {
        int descriptor = RawOpen(directory, name, flags, 0);
        return descriptor >= 0 ? new FileDescriptor(descriptor)
            : IsMissing() ? null
            : throw Failure("open", directory, name);
    }

    /// <summary>Opens and gives the bare number: the caller closes it. -1 with errno on failure.</summary>
    public static int RawOpen(int directory, ReadOnlySpan<byte> name, int flags, int mode)
    {
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            return Libc.OpenAt(directory, path, flags | OpenFlags.CloseOnExec, (uint)mode);
        }
    }

    /// <summary>openat2 with a way to resolve, walked by hand where the kernel lacks it; -1 with errno on failure.</summary>
    public static int RawOpenResolved(int directory, ReadOnlySpan<byte> name, int flags, ulong resolve)
    {
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            var how = new OpenHow { Flags = (ulong)(uint)(flags | OpenFlags.CloseOnExec), Resolve = resolve };
            int result;
            int attempts = 0;
            do
            {
                // EAGAIN: a rename elsewhere raced with "..", the kernel asks to try again. For good it comes from a
                // mount that is in no namespace any more.
                result = Libc.OpenAt2(directory, path, &how);
            }
            while (result < 0 && LastError() is Errno.EAGAIN or Errno.EINTR && attempts++ < MaxResolveAttempts);
            return result < 0 && LastError() == Errno.ENOSYS ? ComponentWalk.Open(directory, name, flags, resolve) : result;
        }
    }

    /// <summary>Status without following a link; an empty name is the descriptor itself.</summary>
    public static FileStatus Stat(int directory, ReadOnlySpan<byte> name) =>
        RawStat(directory, name, out FileStatus status) ? status : throw Failure("stat", directory, name);

    /// <summary>Status without following a link, or false when nothing is there.</summary>
    public static bool TryStat(int directory, ReadOnlySpan<byte> name, out FileStatus status) =>
        RawStat(directory, name, out status) || (IsMissing() ? false : throw Failure("stat", directory, name));

    /// <summary>Makes a directory; the mode is subject to the umask.</summary>
    public static void MakeDirectory(int directory, ReadOnlySpan<byte> name, int mode)
    {
        if (!TryMakeDirectory(directory, name, mode))
        {
            throw new LinuxException("make directory", Errno.EEXIST, Describe(directory, name));
        }
    }

    /// <summary>Makes a directory, or false when the name exists.</summary>
    public static bool TryMakeDirectory(int directory, ReadOnlySpan<byte> name, int mode)
    {
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            return Libc.MkdirAt(directory, path, (uint)mode) == 0
                || (LastError() == Errno.EEXIST ? false : throw Failure("make directory", directory, name));
        }
    }

    /// <summary>Removes a file, or false when there is none.</summary>
    public static bool TryUnlink(int directory, ReadOnlySpan<byte> name) => TryRemove(directory, name, 0);

    /// <summary>Removes an empty directory, or false when there is none.</summary>
    public static bool TryRemoveDirectory(int directory, ReadOnlySpan<byte> name) =>
        TryRemove(directory, name, Libc.AtRemoveDirectory);

    /// <summary>Makes another name of a file; a symbolic link is not followed.</summary>
    public static void Link(int fromDirectory, ReadOnlySpan<byte> from, int toDirectory, ReadOnlySpan<byte> to)
    {
        fixed (byte* fromPath = NativePath.Terminate(from, stackalloc byte[NativePath.InlineBytes]))
        fixed (byte* toPath = NativePath.Terminate(to, stackalloc byte[NativePath.InlineBytes]))
        {
            if (Libc.LinkAt(fromDirectory, fromPath, toDirectory, toPath, 0) != 0)
            {
                throw Failure("link", toDirectory, to);
            }
        }
    }

    /// <summary>Makes a symbolic link with this text.</summary>
    public static void Symlink(ReadOnlySpan<byte> target, int directory, ReadOnlySpan<byte> name)
    {
        fixed (byte* text = NativePath.Terminate(target, stackalloc byte[NativePath.InlineBytes]))
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            if (Libc.SymlinkAt(text, directory, path) != 0)
            {
                throw Failure("make symbolic link", directory, name);
            }
        }
    }

    /// <summary>The text of a symbolic link.</summary>
    public static byte[] ReadLink(int directory, ReadOnlySpan<byte> name)
    {
        byte* buffer = stackalloc byte[MaxLinkBytes];
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            nint length = Libc.ReadLinkAt(directory, path, buffer, MaxLinkBytes);
            return length >= 0
                ? new ReadOnlySpan<byte>(buffer, (int)length).ToArray()
                : throw Failure("read link", directory, name);
        }
    }

    /// <summary>Makes a node of <paramref name="rawMode"/>'s type; false with errno on failure.</summary>
    public static bool RawMknod(int directory, ReadOnlySpan<byte> name, int rawMode, uint major, uint minor)
    {
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            return Libc.MknodAt(directory, path, (uint)rawMode, DeviceNumber(major, minor)) == 0;
        }
    }

    /// <summary>Sets the owner without following a link; false with errno on failure.</summary>
    public static bool RawChown(int directory, ReadOnlySpan<byte> name, uint user, uint group)
    {
        int flags = Libc.AtSymlinkNoFollow | (name.IsEmpty ? Libc.AtEmptyPath : 0);
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            return Libc.ChownAt(directory, path, user, group, flags) == 0;
        }
    }

    /// <summary>Sets the mode of something that is known not to be a symbolic link.</summary>
    public static void Chmod(int directory, ReadOnlySpan<byte> name, int mode)
    {
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            int result = name.IsEmpty
                ? Libc.Chmod(directory, (uint)mode)
                : Libc.ChmodAt(directory, path, (uint)mode, 0);
            if (result != 0)
            {
                throw Failure("change mode of", directory, name);
            }
        }
    }

    /// <summary>Sets the modification time without following a link; an empty name is the descriptor itself.</summary>
    public static void SetModificationTime(int directory, ReadOnlySpan<byte> name, long seconds, int nanoseconds)
    {
        TimeSpec* times = stackalloc TimeSpec[2];
        times[0] = new TimeSpec { Seconds = seconds, Nanoseconds = nanoseconds };
        times[1] = times[0];
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            int result = name.IsEmpty
                ? Libc.SetTimes(directory, times)
                : Libc.SetTimesAt(directory, path, times, Libc.AtSymlinkNoFollow);
            if (result != 0)
            {
                throw Failure("set times of", directory, name);
            }
        }
    }

    /// <summary>Renames within a file system; replaces what is there as rename(2) does.</summary>
    public static void Rename(int fromDirectory, ReadOnlySpan<byte> from, int toDirectory, ReadOnlySpan<byte> to)
    {
        if (!RawRename(fromDirectory, from, toDirectory, to, 0))
        {
            throw Failure("rename to", toDirectory, to);
        }
    }

    /// <summary>renameat2; false with errno on failure.</summary>
    public static bool RawRename(
        int fromDirectory, ReadOnlySpan<byte> from, int toDirectory, ReadOnlySpan<byte> to, uint flags)
    {
        fixed (byte* fromPath = NativePath.Terminate(from, stackalloc byte[NativePath.InlineBytes]))
        fixed (byte* toPath = NativePath.Terminate(to, stackalloc byte[NativePath.InlineBytes]))
        {
            return Libc.RenameAt2(fromDirectory, fromPath, toDirectory, toPath, flags) == 0;
        }
    }

    /// <summary>errno of this thread's last call.</summary>
    public static Errno LastError() => (Errno)Marshal.GetLastPInvokeError();

    /// <summary>The failure of the last call on a name, with its full path.</summary>
    public static LinuxException Failure(string operation, int directory, ReadOnlySpan<byte> name)
    {
        Errno errno = LastError();
        return new LinuxException(operation, errno, Describe(directory, name));
    }

    /// <summary>The path of a name below a held directory, for messages.</summary>
    public static string Describe(int directory, ReadOnlySpan<byte> name)
    {
        string text = PathEncoding.Decode(name);
        if (directory == CurrentDirectory || name.StartsWith("/"u8))
        {
            return text;
        }

        byte* buffer = stackalloc byte[MaxLinkBytes];
        fixed (byte* link = NativePath.Terminate(
            System.Text.Encoding.ASCII.GetBytes($"/proc/self/fd/{directory}"), stackalloc byte[NativePath.InlineBytes]))
        {
            nint length = Libc.ReadLinkAt(CurrentDirectory, link, buffer, MaxLinkBytes);
            string parent = length > 0 ? PathEncoding.Decode(new ReadOnlySpan<byte>(buffer, (int)length)) : "";
            return text.Length == 0 ? parent : parent.Length == 0 ? text : $"{parent}/{text}";
        }
    }

    // Source: sys/sysmacros.h, gnu_dev_makedev.
    private static ulong DeviceNumber(uint major, uint minor) =>
        ((ulong)(major & 0xFFF) << 8) | ((ulong)(major & ~0xFFFu) << 32)
        | (minor & 0xFF) | ((ulong)(minor & ~0xFFu) << 12);

    private static bool IsMissing() => LastError() is Errno.ENOENT or Errno.ENOTDIR;

    private static bool RawStat(int directory, ReadOnlySpan<byte> name, out FileStatus status)
    {
        int flags = Libc.AtSymlinkNoFollow | (name.IsEmpty ? Libc.AtEmptyPath : 0);
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        fixed (FileStatus* result = &status)
        {
            return Libc.StatX(directory, path, flags, Libc.StatusBasicAndBirth, result) == 0;
        }
    }

    private static bool TryRemove(int directory, ReadOnlySpan<byte> name, int flags)
    {
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            return Libc.UnlinkAt(directory, path, flags) == 0
                || (LastError() == Errno.ENOENT ? false : throw Failure("remove", directory, name));
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Interop;

/// <summary>The C library, split by areas of the manual. Names end with NUL; failures are -1 with errno.</summary>
internal static unsafe partial class Libc
{
    /// <summary>The current directory in place of a directory descriptor.</summary>
    internal const int AtFdCwd = -100;

    /// <summary>Act on a symbolic link itself.</summary>
    internal const int AtSymlinkNoFollow = 0x100;

    /// <summary>unlinkat removes a directory.</summary>
    internal const int AtRemoveDirectory = 0x200;

    /// <summary>linkat follows a symbolic link.</summary>
    internal const int AtSymlinkFollow = 0x400;

    /// <summary>An empty name means the descriptor itself.</summary>
    internal const int AtEmptyPath = 0x1000;

    /// <summary>renameat2: fail when the target exists.</summary>
    internal const uint RenameNoReplace = 1;

    /// <summary>renameat2: swap two names.</summary>
    internal const uint RenameExchange = 2;

    /// <summary>flock: shared.</summary>
    internal const int LockShared = 1;

    /// <summary>flock: exclusive.</summary>
    internal const int LockExclusive = 2;

    /// <summary>flock: do not wait.</summary>
    internal const int LockNonBlocking = 4;

    /// <summary>flock: unlock.</summary>
    internal const int LockUnlock = 8;

    /// <summary>openat2: no "/proc/PID/fd"-like links.</summary>
    internal const ulong ResolveNoMagicLinks = 0x02;

    /// <summary>openat2: no symbolic links at all.</summary>
    internal const ulong ResolveNoSymlinks = 0x04;

    /// <summary>openat2: never above the directory; leaving it is an error.</summary>
    internal const ulong ResolveBeneath = 0x08;

    /// <summary>openat2: the directory is the root; leaving it stays there.</summary>
    internal const ulong ResolveInRoot = 0x10;

    /// <summary>statx: the fields of stat and the time of birth.</summary>
    internal const uint StatusBasicAndBirth = 0xFFF;

    /// <summary>futimens: leave this time as it is.</summary>
    internal const long TimeOmit = 0x3FFFFFFE;

    /// <summary>fallocate: keep the length.</summary>
    internal const int FallocateKeepSize = 1;

    /// <summary>lseek: the next piece that is no hole.</summary>
    internal const int SeekData = 3;

    /// <summary>lseek: the next hole.</summary>
    internal const int SeekHole = 4;

    /// <summary>FICLONE of ioctl_ficlonerange(2).</summary>
    internal const ulong IoctlClone = 0x40049409;

    private const string Library = "libc";

    // The same on every architecture since the unified table (5.0).
    private const long SyscallOpenAt2 = 437;

    /// <summary>close(2).</summary>
    [LibraryImport(Library, EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int descriptor);

    /// <summary>openat(2).</summary>
    [LibraryImport(Library, EntryPoint = "openat", SetLastError = true)]
    internal static partial int OpenAt(int directory, byte* path, int flags, uint mode);

    /// <summary>openat2(2).</summary>
    internal static int OpenAt2(int directory, byte* path, OpenHow* how) =>
        (int)SyscallOpen(SyscallOpenAt2, directory, path, how, (nuint)sizeof(OpenHow));

    /// <summary>statx(2).</summary>
    [LibraryImport(Library, EntryPoint = "statx", SetLastError = true)]
    internal static partial int StatX(int directory, byte* path, int flags, uint mask, FileStatus* status);

    /// <summary>getdents64(2).</summary>
    [LibraryImport(Library, EntryPoint = "getdents64", SetLastError = true)]
    internal static partial nint GetDirectoryEntries(int descriptor, byte* buffer, nuint length);

    /// <summary>mkdirat(2).</summary>
    [LibraryImport(Library, EntryPoint = "mkdirat", SetLastError = true)]
    internal static partial int MkdirAt(int directory, byte* path, uint mode);

    /// <summary>unlinkat(2).</summary>
    [LibraryImport(Library, EntryPoint = "unlinkat", SetLastError = true)]
    internal static partial int UnlinkAt(int directory, byte* path, int flags);

    /// <summary>linkat(2).</summary>
    [LibraryImport(Library, EntryPoint = "linkat", SetLastError = true)]
    internal static partial int LinkAt(int fromDirectory, byte* from, int toDirectory, byte* to, int flags);

    /// <summary>symlinkat(2).</summary>
    [LibraryImport(Library, EntryPoint = "symlinkat", SetLastError = true)]
    internal static partial int SymlinkAt(byte* target, int directory, byte* path);

    /// <summary>readlinkat(2).</summary>
    [LibraryImport(Library, EntryPoint = "readlinkat", SetLastError = true)]
    internal static partial nint ReadLinkAt(int directory, byte* path, byte* buffer, nuint length);

    /// <summary>mknodat(2).</summary>
    [LibraryImport(Library, EntryPoint = "mknodat", SetLastError = true)]
    internal static partial int MknodAt(int directory, byte* path, uint mode, ulong device);

    /// <summary>fchownat(2).</summary>
    [LibraryImport(Library, EntryPoint = "fchownat", SetLastError = true)]
    internal static partial int ChownAt(int directory, byte* path, uint user, uint group, int flags);

    /// <summary>fchmodat(2): follows symbolic links.</summary>
    [LibraryImport(Library, EntryPoint = "fchmodat", SetLastError = true)]
    internal static partial int ChmodAt(int directory, byte* path, uint mode, int flags);

    /// <summary>fchmod(2).</summary>
    [LibraryImport(Library, EntryPoint = "fchmod", SetLastError = true)]
    internal static partial int Chmod(int descriptor, uint mode);

    /// <summary>utimensat(2): access time, modification time.</summary>
    [LibraryImport(Library, EntryPoint = "utimensat", SetLastError = true)]
    internal static partial int SetTimesAt(int directory, byte* path, TimeSpec* times, int flags);

    /// <summary>futimens(3); the C library refuses utimensat without a path.</summary>
    [LibraryImport(Library, EntryPoint = "futimens", SetLastError = true)]
    internal static partial int SetTimes(int descriptor, TimeSpec* times);

    /// <summary>renameat2(2).</summary>
    [LibraryImport(Library, EntryPoint = "renameat2", SetLastError = true)]
    internal static partial int RenameAt2(int fromDirectory, byte* from, int toDirectory, byte* to, uint flags);

    /// <summary>copy_file_range(2).</summary>
    [LibraryImport(Library, EntryPoint = "copy_file_range", SetLastError = true)]
    internal static partial nint CopyFileRange(int from, long* fromOffset, int to, long* toOffset, nuint length, uint flags);

    /// <summary>lseek(2).</summary>
    [LibraryImport(Library, EntryPoint = "lseek", SetLastError = true)]
    internal static partial long Seek(int descriptor, long offset, int whence);

    /// <summary>fallocate(2).</summary>
    [LibraryImport(Library, EntryPoint = "fallocate", SetLastError = true)]
    internal static partial int Fallocate(int descriptor, int mode, long offset, long length);

    /// <summary>ftruncate(2).</summary>
    [LibraryImport(Library, EntryPoint = "ftruncate", SetLastError = true)]
    internal static partial int Truncate(int descriptor, long length);

    /// <summary>read(2).</summary>
    [LibraryImport(Library, EntryPoint = "read", SetLastError = true)]
    internal static partial nint Read(int descriptor, byte* buffer, nuint length);

    /// <summary>write(2).</summary>
    [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(int descriptor, byte* buffer, nuint length);

    /// <summary>pread(2).</summary>
    [LibraryImport(Library, EntryPoint = "pread", SetLastError = true)]
    internal static partial nint ReadAt(int descriptor, byte* buffer, nuint length, long offset);

    /// <summary>pwrite(2).</summary>
    [LibraryImport(Library, EntryPoint = "pwrite", SetLastError = true)]
    internal static partial nint WriteAt(int descriptor, byte* buffer, nuint length, long offset);

    /// <summary>fsync(2).</summary>
    [LibraryImport(Library, EntryPoint = "fsync", SetLastError = true)]
    internal static partial int Fsync(int descriptor);

    /// <summary>statfs(2); the first word of the buffer of 120 bytes is the kind of file system.</summary>
    [LibraryImport(Library, EntryPoint = "statfs", SetLastError = true)]
    internal static partial int StatFileSystem(byte* path, long* buffer);

    /// <summary>syncfs(2).</summary>
    [LibraryImport(Library, EntryPoint = "syncfs", SetLastError = true)]
    internal static partial int SyncFileSystem(int descriptor);

    /// <summary>flock(2).</summary>
    [LibraryImport(Library, EntryPoint = "flock", SetLastError = true)]
    internal static partial int Flock(int descriptor, int operation);

    /// <summary>ioctl(2) with an integer argument.</summary>
    [LibraryImport(Library, EntryPoint = "ioctl", SetLastError = true)]
    internal static partial int IoctlInteger(int descriptor, ulong request, nint argument);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SyscallOpen(long number, int directory, byte* path, OpenHow* how, nuint size);
}

/// <summary>Argument of openat2(2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OpenHow
{
    /// <summary>Flags of open(2).</summary>
    public ulong Flags;

    /// <summary>Mode of a new file; must be 0 without O_CREAT.</summary>
    public ulong Mode;

    /// <summary>How the path is resolved.</summary>
    public ulong Resolve;
}

/// <summary>A struct timespec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TimeSpec
{
    /// <summary>Seconds.</summary>
    public long Seconds;

    /// <summary>Nanoseconds, or one of the special values of utimensat(2).</summary>
    public long Nanoseconds;
}

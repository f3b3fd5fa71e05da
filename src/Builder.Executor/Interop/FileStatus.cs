// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Solver.Files;

namespace Builder.Executor.Interop;

/// <summary>What statx(2) says of a file; the kernel's own layout. Source: statx(2).</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FileStatus
{
    /// <summary>Which fields are valid.</summary>
    [FieldOffset(0)]
    public uint Mask;

    /// <summary>Number of names.</summary>
    [FieldOffset(16)]
    public uint LinkCount;

    /// <summary>Owner.</summary>
    [FieldOffset(20)]
    public uint UserId;

    /// <summary>Group.</summary>
    [FieldOffset(24)]
    public uint GroupId;

    /// <summary>Type and permission bits.</summary>
    [FieldOffset(28)]
    public ushort RawMode;

    /// <summary>Inode number.</summary>
    [FieldOffset(32)]
    public ulong Inode;

    /// <summary>Length in bytes.</summary>
    [FieldOffset(40)]
    public long Size;

    /// <summary>Blocks of 512 bytes on disk.</summary>
    [FieldOffset(48)]
    public long Blocks;

    /// <summary>When the inode was made.</summary>
    [FieldOffset(80)]
    public FileTime Birth;

    /// <summary>When the inode last changed.</summary>
    [FieldOffset(96)]
    public FileTime Change;

    /// <summary>When the content last changed.</summary>
    [FieldOffset(112)]
    public FileTime Modification;

    /// <summary>Numbers of the device that this node is.</summary>
    [FieldOffset(128)]
    public uint DeviceMajor;

    /// <inheritdoc cref="DeviceMajor"/>
    [FieldOffset(132)]
    public uint DeviceMinor;

    /// <summary>Numbers of the device that holds the file.</summary>
    [FieldOffset(136)]
    public uint HolderMajor;

    /// <inheritdoc cref="HolderMajor"/>
    [FieldOffset(140)]
    public uint HolderMinor;

    /// <summary>Permission, set-id and sticky bits.</summary>
    public readonly int Permissions => RawMode & 0xFFF;

    /// <summary>What it is.</summary>
    public readonly FileKind Kind => (RawMode & FileType.Mask) switch
    {
        FileType.Regular => FileKind.Regular,
        FileType.Directory => FileKind.Directory,
        FileType.Symlink => FileKind.Symlink,
        FileType.CharacterDevice => FileKind.CharacterDevice,
        FileType.BlockDevice => FileKind.BlockDevice,
        FileType.Fifo => FileKind.Fifo,
        _ => FileKind.Socket,
    };

    /// <summary>True for a directory.</summary>
    public readonly bool IsDirectory => (RawMode & FileType.Mask) == FileType.Directory;

    /// <summary>True for a symbolic link.</summary>
    public readonly bool IsSymlink => (RawMode & FileType.Mask) == FileType.Symlink;

    /// <summary>True for a regular file.</summary>
    public readonly bool IsRegular => (RawMode & FileType.Mask) == FileType.Regular;

    /// <summary>
    /// True for the mark of a deleted name: overlayfs' character device 0:0, or the socket without permissions that stands
    /// for it on a file system that refuses that device (overlayfs itself).
    /// </summary>
    public readonly bool IsWhiteout =>
        ((RawMode & FileType.Mask) == FileType.CharacterDevice && DeviceMajor == 0 && DeviceMinor == 0)
        || RawMode == FileType.Socket;
}

/// <summary>A time as the kernel gives it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct FileTime(long seconds, uint nanoseconds) : IEquatable<FileTime>
{
    /// <summary>Seconds since 1970.</summary>
    public readonly long Seconds = seconds;

    /// <summary>Nanoseconds within the second.</summary>
    public readonly uint Nanoseconds = nanoseconds;

    private readonly int _reserved = 0;

    /// <inheritdoc/>
    public bool Equals(FileTime other) => Seconds == other.Seconds && Nanoseconds == other.Nanoseconds;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is FileTime other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Seconds, Nanoseconds, _reserved);
}

/// <summary>Type bits of a mode. Source: inode(7).</summary>
internal static class FileType
{
    /// <summary>The bits that hold the type.</summary>
    public const int Mask = 0xF000;

    /// <summary>A named pipe.</summary>
    public const int Fifo = 0x1000;

    /// <summary>A character device.</summary>
    public const int CharacterDevice = 0x2000;

    /// <summary>A directory.</summary>
    public const int Directory = 0x4000;

    /// <summary>A block device.</summary>
    public const int BlockDevice = 0x6000;

    /// <summary>A regular file.</summary>
    public const int Regular = 0x8000;

    /// <summary>A symbolic link.</summary>
    public const int Symlink = 0xA000;

    /// <summary>A unix socket.</summary>
    public const int Socket = 0xC000;
}

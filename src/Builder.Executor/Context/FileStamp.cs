// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Executor.Interop;

namespace Builder.Executor.Context;

/// <summary>What tells one state of a file from another without reading it. The layout is that of the index file.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal readonly record struct FileStamp(
    ulong Device,
    ulong Inode,
    long Size,
    long ModifiedSeconds,
    long ChangedSeconds,
    uint ModifiedNanoseconds,
    uint ChangedNanoseconds)
{
    /// <summary>The stamp of a status.</summary>
    public static FileStamp From(in FileStatus status) => new(
        ((ulong)status.HolderMajor << 32) | status.HolderMinor,
        status.Inode,
        status.Size,
        status.Modification.Seconds,
        status.Change.Seconds,
        status.Modification.Nanoseconds,
        status.Change.Nanoseconds);

    /// <summary>The order of the index: by device, then inode.</summary>
    public int CompareFile(in FileStamp other) =>
        Device != other.Device ? Device.CompareTo(other.Device) : Inode.CompareTo(other.Inode);

    /// <summary>
    /// True when the file may change at or after a moment without its stamp showing it: the kernel's clock for files has
    /// ticks, and this one last changed less than a tick before. The modification time says nothing: anybody can set it.
    /// </summary>
    public bool IsRacyAt(long seconds, long nanoseconds)
    {
        const long TickNanoseconds = 100_000_000;
        const long NanosecondsPerSecond = 1_000_000_000;

        // a file system without fractions has ticks of up to two seconds
        long tick = ChangedNanoseconds == 0 ? 2 * NanosecondsPerSecond : TickNanoseconds;
        long difference = Math.Clamp(seconds - ChangedSeconds, -10, 10);
        return (difference * NanosecondsPerSecond) + nanoseconds - ChangedNanoseconds < tick;
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Maintenance;

/// <summary>
/// Counts what files take on the disk: blocks and not lengths, a file with several names once, whichever tree it is met
/// in first, and so the pieces that files share where the file system can share them (btrfs, XFS, bcachefs). What vanishes
/// on the way counts as nothing. Not thread-safe.
/// </summary>
public sealed class DiskUsage
{
    private const int BlockBytes = 512;

    /// <summary>Below this a shared piece is not worth the question.</summary>
    private const int MinSharedBytes = 4096;

    private static readonly string[] s_sharing = ["btrfs", "xfs", "bcachefs"];

    private readonly HashSet<(ulong Device, ulong Inode)> _seen = [];
    private readonly Dictionary<ulong, bool> _sharingDevices = [];
    private readonly Dictionary<ulong, DiskRanges> _counted = [];

    /// <summary>What a file or tree takes, alone.</summary>
    public static long Of(string path) => new DiskUsage().Add(path);

    /// <summary>What a file or tree takes beyond all that was counted before.</summary>
    public long Add(string path) => Add(AtCalls.CurrentDirectory, PathEncoding.Encode(path));

    private long Add(int directory, ReadOnlySpan<byte> name)
    {
        FileStatus status;
        try
        {
            if (!AtCalls.TryStat(directory, name, out status))
            {
                return 0;
            }
        }
        catch (LinuxException)
        {
            // Not ours to look at: another user's sub-ids.
            return 0;
        }

        ulong device = ((ulong)status.HolderMajor << 32) | status.HolderMinor;
        if (status.LinkCount > 1 && !status.IsDirectory && !_seen.Add((device, status.Inode)))
        {
            return 0;
        }

        long bytes = status.Blocks * BlockBytes;
        if (status.IsRegular && bytes >= MinSharedBytes && CanShare(device, directory, name))
        {
            bytes = Math.Max(0, bytes - CountedBefore(device, directory, name));
        }

        return status.IsDirectory ? bytes + AddContent(directory, name) : bytes;
    }

    private long AddContent(int directory, ReadOnlySpan<byte> name)
    {
        int descriptor = AtCalls.RawOpen(directory, name, OpenFlags.DirectoryRead | OpenFlags.NoFollow, 0);
        if (descriptor < 0)
        {
            return 0;
        }

        using var opened = new FileDescriptor(descriptor);
        long bytes = 0;
        foreach (DirectoryEntry entry in DirectoryReader.Read(descriptor))
        {
            bytes += Add(descriptor, entry.Name);
        }

        return bytes;
    }

    /// <summary>How much of a file's content belongs to files that were counted before.</summary>
    private long CountedBefore(ulong device, int directory, ReadOnlySpan<byte> name)
    {
        int descriptor = AtCalls.RawOpen(directory, name, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlock, 0);
        if (descriptor < 0)
        {
            return 0;
        }

        using var opened = new FileDescriptor(descriptor);
        if (!_counted.TryGetValue(device, out DiskRanges? counted))
        {
            _counted.Add(device, counted = new DiskRanges());
        }

        long bytes = 0;
        foreach (SharedExtent extent in FileExtents.ListShared(descriptor))
        {
            bytes += (long)counted.Add(extent.Physical, extent.Length);
        }

        return bytes;
    }

    private bool CanShare(ulong device, int directory, ReadOnlySpan<byte> name)
    {
        if (!_sharingDevices.TryGetValue(device, out bool canShare))
        {
            canShare = s_sharing.Contains(FileSystemOf(AtCalls.Describe(directory, name)));
            _sharingDevices.Add(device, canShare);
        }

        return canShare;
    }

    private static string FileSystemOf(string path)
    {
        try
        {
            return new DriveInfo(path).DriveFormat;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return "";
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Maintenance;

/// <summary>
/// Counts what files take on the disk: blocks and not lengths, a file with several names once, whichever tree it is met
/// in first. What vanishes on the way counts as nothing. Not thread-safe.
/// </summary>
public sealed class DiskUsage
{
    private const int BlockBytes = 512;

    private readonly HashSet<(ulong Device, ulong Inode)> _seen = [];

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

        if (status.LinkCount > 1 && !status.IsDirectory
            && !_seen.Add((((ulong)status.HolderMajor << 32) | status.HolderMinor, status.Inode)))
        {
            return 0;
        }

        long bytes = status.Blocks * BlockBytes;
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
}

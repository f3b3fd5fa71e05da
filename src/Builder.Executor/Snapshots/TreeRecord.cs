// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Snapshots;

/// <summary>
/// What every inode of a tree was like at one moment, to see later which have changed: any change of content, name or
/// metadata gives an inode a new time of change. Directories are remembered with their paths, since what is below one
/// that was renamed changes nothing itself. Some 70 bytes a file. Read by many threads at once.
/// </summary>
internal sealed class TreeRecord
{
    private const int MaxTickMilliseconds = 20;

    private readonly Dictionary<ulong, Stamp> _stamps = [];
    private readonly Dictionary<ulong, string> _directories = [];

    private TreeRecord()
    {
    }

    /// <summary>How many inodes there are.</summary>
    public int Count => _stamps.Count;

    /// <summary>Looks at a whole tree. When it returns, the file system's clock has gone on: what is changed from now on
    /// has another time than anything recorded.</summary>
    /// <param name="root">The tree's root.</param>
    /// <param name="probes">A directory on the same file system, outside the tree, to read the clock with.</param>
    public static TreeRecord Take(FileDescriptor root, FileDescriptor probes)
    {
        var record = new TreeRecord();
        using (FileDescriptor directory = AtCalls.Open(root.Value, "."u8, OpenFlags.DirectoryRead))
        {
            record.Add(directory.Value, "");
        }

        AwaitTick(probes);
        return record;
    }

    /// <summary>True when nothing has happened to an inode since.</summary>
    public bool IsUnchanged(in FileStatus status) =>
        _stamps.TryGetValue(status.Inode, out Stamp known) && known == Stamp.Of(status);

    /// <summary>True when a directory is the one that had this path.</summary>
    public bool IsSameDirectory(in FileStatus status, string path) =>
        _directories.TryGetValue(status.Inode, out string? known) && string.Equals(known, path, StringComparison.Ordinal)
        && _stamps[status.Inode].Birth.Equals(status.Birth); // numbers are used again

    /// <summary>How many names an inode had; 0 when it was not there.</summary>
    public uint LinkCountOf(ulong inode) => _stamps.TryGetValue(inode, out Stamp known) ? known.Links : 0;

    private void Add(int directory, string path)
    {
        FileStatus self = AtCalls.Stat(directory, []);
        _stamps[self.Inode] = Stamp.Of(self);
        _directories[self.Inode] = path;
        foreach (DirectoryEntry entry in DirectoryReader.Read(directory))
        {
            FileStatus status = AtCalls.Stat(directory, entry.Name);
            if (!status.IsDirectory)
            {
                _stamps[status.Inode] = Stamp.Of(status);
                continue;
            }

            string name = PathEncoding.Decode(entry.Name);
            using FileDescriptor child = AtCalls.Open(directory, entry.Name, OpenFlags.DirectoryRead);
            Add(child.Value, path.Length == 0 ? name : $"{path}/{name}");
        }
    }

    // Times are as fine as the kernel's tick, 1 to 10 ms.
    private static void AwaitTick(FileDescriptor probes)
    {
        FileTime first = Touch(probes);
        long deadline = Environment.TickCount64 + 10 * MaxTickMilliseconds;
        while (Touch(probes).Equals(first) && Environment.TickCount64 < deadline)
        {
            Thread.Yield();
        }
    }

    private static FileTime Touch(FileDescriptor probes)
    {
        ReadOnlySpan<byte> name = "tick"u8;
        AtCalls.Open(
            probes.Value, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, 0b110_000_000).Dispose();
        FileTime time = AtCalls.Stat(probes.Value, name).Change;
        AtCalls.TryUnlink(probes.Value, name);
        return time;
    }

    private readonly record struct Stamp(
        FileTime Change, FileTime Modification, FileTime Birth, long Size, uint Links, uint User, uint Group, ushort Mode)
    {
        public static Stamp Of(in FileStatus status) => new(
            status.Change, status.Modification, status.Birth, status.IsDirectory ? 0 : status.Size, status.LinkCount,
            status.UserId, status.GroupId, status.RawMode);
    }
}

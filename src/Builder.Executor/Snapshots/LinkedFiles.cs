// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;

namespace Builder.Executor.Snapshots;

/// <summary>
/// Files of a layer in the making that have several names. Names outside the layer (in the tree it came from, in a cache
/// mount) must not stay: a snapshot never changes. Names that the parent's file had already become files of their own, as
/// overlayfs makes them when it copies each up. Not thread-safe.
/// </summary>
internal sealed class LinkedFiles(FileDescriptor root, OwnerStore owners)
{
    private readonly Dictionary<ulong, (uint Count, bool WasLinked, List<byte[]> Names)> _files = [];

    /// <summary>Notes a name.</summary>
    /// <param name="status">The file's.</param>
    /// <param name="wasLinked">The parent's file had several names.</param>
    /// <param name="path">The name.</param>
    public void Add(in FileStatus status, bool wasLinked, byte[] path)
    {
        if (!_files.TryGetValue(status.Inode, out (uint Count, bool WasLinked, List<byte[]> Names) file))
        {
            file = (status.LinkCount, wasLinked, []);
            _files.Add(status.Inode, file);
        }

        file.Names.Add(path);
    }

    /// <summary>Gives each file that has names elsewhere a copy of its own.</summary>
    public void Separate()
    {
        foreach ((uint count, bool wasLinked, List<byte[]> names) in _files.Values)
        {
            if (wasLinked)
            {
                names.ForEach(name => Separate([name]));
            }
            else if (names.Count < count)
            {
                Separate(names);
            }
        }
    }

    private void Separate(List<byte[]> names)
    {
        byte[] aside = Encoding.ASCII.GetBytes($".bld-{Guid.NewGuid():N}");
        Change(names[0], (parent, name) =>
        {
            AtCalls.Rename(parent, name, parent, aside);
            var source = new StoredEntry(aside, 0, parent, aside, AtCalls.Stat(parent, aside), owners);
            new EntryCopier(root.Value, owners).CopyFile(source, parent, name, names[0]);
            AtCalls.TryUnlink(parent, aside);
        });
        foreach (byte[] other in names.Skip(1))
        {
            Change(other, (parent, name) =>
            {
                AtCalls.TryUnlink(parent, name);
                AtCalls.Link(root.Value, names[0], parent, name);
            });
        }
    }

    // The times of directories stay as they are.
    private void Change(byte[] path, Action<int, byte[]> change)
    {
        ReadOnlySpan<byte> parent = RootedPath.Parent(path);
        using FileDescriptor directory = AtCalls.Open(
            root.Value, parent.IsEmpty ? "."u8 : parent, OpenFlags.DirectoryRead);
        FileTime time = AtCalls.Stat(directory.Value, []).Modification;
        change(directory.Value, RootedPath.Name(path).ToArray());
        AtCalls.SetModificationTime(directory.Value, [], time.Seconds, (int)time.Nanoseconds);
    }
}

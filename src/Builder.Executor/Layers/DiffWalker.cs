// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Layers;

/// <summary>An entry with the place where its content is.</summary>
/// <param name="Entry">What the layer says.</param>
/// <param name="Directory">The directory that holds it, open until the next step of the walk.</param>
/// <param name="Name">Its name there.</param>
internal readonly record struct WalkedEntry(LayerEntry Entry, int Directory, byte[] Name);

/// <summary>
/// Walks a layer's directory, which has the form of an overlay upper, and gives its entries in the layer's order:
/// ascending by the bytes of the path. Whiteout devices and opaque marks become the tar's names; overlayfs' attributes
/// and sockets are left out. Not thread-safe.
/// </summary>
internal sealed class DiffWalker
{
    private static readonly RecordedAttributes s_whiteoutAttributes = new(FileKind.Regular, 0, 0, 0);

    private readonly OwnerStore _owners;
    private readonly Func<string, bool, bool>? _isNeeded;
    private readonly Dictionary<ulong, byte[]> _firstNames = [];

    /// <summary>A walker of one directory.</summary>
    /// <param name="owners">Owners of its files.</param>
    /// <param name="isNeeded">
    /// Says of a path whether it belongs to the layer; the second argument is true when the question is whether there is
    /// anything below to hide (whiteouts and opaque marks). What does not belong is removed from the disk too, so that
    /// the same directory always gives the same layer. Null for a committed snapshot, which stays as it is.
    /// </param>
    public DiffWalker(OwnerStore owners, Func<string, bool, bool>? isNeeded)
    {
        _owners = owners;
        _isNeeded = isNeeded;
    }

    /// <summary>Walks; the root itself is no entry.</summary>
    public IEnumerable<WalkedEntry> Walk(FileDescriptor root, CancellationToken cancellationToken)
    {
        var stack = new Stack<Frame>();
        try
        {
            stack.Push(Open(root.Value, "."u8, []));
            while (stack.TryPeek(out Frame? frame))
            {
                if (frame.Next >= frame.Items.Count)
                {
                    stack.Pop().Directory.Dispose();
                    continue;
                }

                cancellationToken.ThrowIfCancellationRequested();
                Item item = frame.Items[frame.Next++];
                switch (item.Kind)
                {
                    case ItemKind.Content:
                        stack.Push(Open(frame.Directory.Value, item.Name, Join(frame.Path, item.Name)));
                        break;
                    case ItemKind.Mark:
                        yield return new WalkedEntry(
                            EntryOf(Join(frame.Path, item.SortKey), s_whiteoutAttributes), frame.Directory.Value, []);
                        break;
                    default:
                        LayerEntry? entry = Describe(frame, item.Name);
                        if (entry is not null)
                        {
                            yield return new WalkedEntry(entry, frame.Directory.Value, item.Name);
                        }

                        break;
                }
            }
        }
        finally
        {
            foreach (Frame frame in stack)
            {
                frame.Directory.Dispose();
            }
        }
    }

    private static byte[] Join(byte[] directory, byte[] name) =>
        directory.Length == 0 ? name : [.. directory, (byte)'/', .. name];

    private static LayerEntry EntryOf(byte[] path, in RecordedAttributes attributes) => new()
    {
        Path = path,
        Kind = attributes.Kind,
        Mode = attributes.Mode,
        UserId = attributes.UserId,
        GroupId = attributes.GroupId,
        DeviceMajor = attributes.DeviceMajor,
        DeviceMinor = attributes.DeviceMinor,
    };

    private Frame Open(int parent, ReadOnlySpan<byte> name, byte[] path)
    {
        FileDescriptor directory = AtCalls.Open(parent, name, OpenFlags.DirectoryRead);
        FileStatus before = AtCalls.Stat(directory.Value, []);
        var items = new List<Item>();
        bool changed = false;
        foreach (DirectoryEntry entry in DirectoryReader.Read(directory.Value))
        {
            AddItems(directory.Value, path, entry, items, ref changed);
        }

        if (path.Length > 0 && Whiteout.IsOpaque(directory.Value, "."u8))
        {
            if (_isNeeded?.Invoke(PathEncoding.Decode(path), true) ?? true)
            {
                items.Add(new Item(Whiteout.OpaqueName.ToArray(), [], ItemKind.Mark));
                if (_isNeeded is not null)
                {
                    // overlayfs made one of the two marks; a later mount may look for the other.
                    Whiteout.MakeOpaque(directory.Value, "."u8);
                }
            }
            else
            {
                Whiteout.ClearOpaque(directory.Value);
            }
        }

        if (changed)
        {
            AtCalls.SetModificationTime(
                parent, name, before.Modification.Seconds, (int)before.Modification.Nanoseconds);
        }

        items.Sort(static (one, other) => one.SortKey.AsSpan().SequenceCompareTo(other.SortKey));
        return new Frame(directory, path, items);
    }

    private void AddItems(int directory, byte[] path, DirectoryEntry entry, List<Item> items, ref bool changed)
    {
        byte[] name = entry.Name;
        if (_isNeeded is not null && !_isNeeded(PathEncoding.Decode(Join(path, name)), false))
        {
            FileTreeRemover.Remove(directory, name);
            changed = true;
            return;
        }

        if (name.AsSpan().StartsWith(Whiteout.Prefix))
        {
            throw new ContentException(
                ContentFailure.Malformed,
                $"make layer: the file name \"{PathEncoding.Decode(Join(path, name))}\" begins with \".wh.\", which means a deleted file in a layer");
        }

        int type = entry.TypeBits;
        FileStatus status = default;
        if (type is 0 or FileType.CharacterDevice or FileType.Socket)
        {
            status = AtCalls.Stat(directory, name);
            type = status.RawMode & FileType.Mask;
        }

        if (type is FileType.CharacterDevice or FileType.Socket && status.IsWhiteout)
        {
            if (_isNeeded?.Invoke(PathEncoding.Decode(Join(path, name)), true) ?? true)
            {
                items.Add(new Item([.. Whiteout.Prefix, .. name], name, ItemKind.Mark));
            }
            else
            {
                AtCalls.TryUnlink(directory, name);
                changed = true;
            }

            return;
        }

        if (type == FileType.Socket)
        {
            return;
        }

        items.Add(new Item(name, name, ItemKind.File));
        if (type == FileType.Directory)
        {
            // "a" < "a.txt" < "a/b": what is in a directory sorts as if its name ended with '/'.
            items.Add(new Item([.. name, (byte)'/'], name, ItemKind.Content));
        }
    }

    private LayerEntry? Describe(Frame frame, byte[] name)
    {
        int directory = frame.Directory.Value;
        FileStatus status = AtCalls.Stat(directory, name);
        byte[] path = Join(frame.Path, name);
        RecordedAttributes attributes = _owners.Read(directory, name, status);
        if (attributes.Kind == FileKind.Socket)
        {
            return null;
        }

        byte[]? first = null;
        if (status.LinkCount > 1 && !status.IsDirectory && !_firstNames.TryGetValue(status.Inode, out first))
        {
            _firstNames.Add(status.Inode, path);
        }

        return EntryOf(path, attributes) with
        {
            Size = first is null && attributes.Kind == FileKind.Regular ? status.Size : 0,
            ModifiedSeconds = status.Modification.Seconds,
            ModifiedNanoseconds = (int)status.Modification.Nanoseconds,
            LinkTarget = status.IsSymlink ? AtCalls.ReadLink(directory, name) : null,
            HardLinkTo = first,
            // Another name of a file repeats the link text only; attributes come with the first name.
            Xattrs = first is null ? LayerXattrs.Read(directory, name) : [],
        };
    }

    private enum ItemKind
    {
        File,
        Content,
        Mark,
    }

    private sealed record Item(byte[] SortKey, byte[] Name, ItemKind Kind);

    private sealed record Frame(FileDescriptor Directory, byte[] Path, List<Item> Items)
    {
        public int Next { get; set; }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Layers;

/// <summary>A place in a layer: an open directory and a name in it.</summary>
/// <param name="Directory">The directory's descriptor; valid until the resolver's next call.</param>
/// <param name="Name">The last component.</param>
/// <param name="FullPath">The true path from the layer's root, without links.</param>
internal readonly record struct LayerPlace(int Directory, byte[] Name, byte[] FullPath);

/// <summary>
/// Finds places in a layer that is being unpacked. A path is walked component by component over open directories, never
/// handed to the kernel as a whole; symbolic links, of this layer or of those below, are followed inside the root.
/// Directories that only lower layers have are made here with their metadata. Not thread-safe.
/// </summary>
internal sealed class LayerPathResolver : IDisposable
{
    private readonly LayerDirectory _target;
    private readonly Func<IFileTree?>? _openBelow;
    private readonly HashSet<string> _opaque = new(StringComparer.Ordinal);

    // The open directories of the last path, without links: most entries lie beside their predecessor.
    private readonly List<(byte[] Name, FileDescriptor Directory)> _stack = [];

    private IFileTree? _below;
    private bool _belowIsOpen;

    /// <summary>Resolves in a layer's directory.</summary>
    public LayerPathResolver(LayerDirectory target, Func<IFileTree?>? below)
    {
        _target = target;
        _openBelow = below;
    }

    /// <summary>True once the result depended on what lies below.</summary>
    public bool NeedsParent { get; private set; }

    /// <summary>The place of a clean, non-empty path; its parents are there afterwards.</summary>
    public LayerPlace Resolve(ReadOnlySpan<byte> path)
    {
        byte[] parent = RootedPath.Parent(path).ToArray();
        byte[] name = RootedPath.Name(path).ToArray();
        byte[] real = parent.Length == 0 ? Descend([]) : Walk(parent);
        int directory = _stack.Count == 0 ? _target.Root.Value : _stack[^1].Directory.Value;
        return new LayerPlace(directory, name, real.Length == 0 ? name : [.. real, (byte)'/', .. name]);
    }

    /// <summary>True when the place is a directory of this layer.</summary>
    public static bool TryEnter(LayerPlace place) =>
        AtCalls.TryStat(place.Directory, place.Name, out FileStatus status) && status.IsDirectory;

    /// <summary>Makes a directory that no entry describes: with the metadata of the one below, else plain.</summary>
    public void MakeMissingDirectory(LayerPlace place)
    {
        if (AtCalls.TryStat(place.Directory, place.Name, out FileStatus status))
        {
            if (!status.IsWhiteout)
            {
                throw NotADirectory(place.FullPath);
            }

            AtCalls.TryUnlink(place.Directory, place.Name);
            _target.MakeDirectory(place.Directory, place.Name, PlainDirectory(place.FullPath));
            MarkOpaque(place.FullPath, place.Directory, place.Name);
            return;
        }

        FileNode? node = FindBelow(place.FullPath);
        _target.MakeDirectory(
            place.Directory, place.Name,
            node is { Kind: FileKind.Directory }
                ? LayerEntry.From(PathEncoding.Decode(place.FullPath), node)
                : PlainDirectory(place.FullPath));
    }

    /// <summary>Marks a directory of this layer opaque.</summary>
    public void MarkOpaque(byte[] fullPath, int directory, ReadOnlySpan<byte> name)
    {
        _opaque.Add(PathEncoding.Decode(fullPath));
        Whiteout.MakeOpaque(directory, name);
    }

    /// <summary>Copies a file of a lower layer to its place in this one; false when there is none.</summary>
    public bool CopyUp(LayerPlace place, LayerDirectory target, byte[] buffer)
    {
        FileNode? node = FindBelow(place.FullPath);
        if (node is null or { Kind: FileKind.Directory or FileKind.Socket })
        {
            return false;
        }

        string path = PathEncoding.Decode(place.FullPath);
        LayerEntry entry = LayerEntry.From(path, node);
        switch (node.Kind)
        {
            case FileKind.Regular:
                using (FileDescriptor file = LayerDirectory.CreateFile(place.Directory, place.Name))
                using (Stream content = _below!.Open(path))
                {
                    RandomAccessWriter.Copy(file, 0, node.Size, content.Read, buffer);
                }

                target.FinishFile(place.Directory, place.Name, entry);
                break;
            case FileKind.Symlink:
                target.MakeSymlink(place.Directory, place.Name, entry);
                break;
            default:
                target.MakeNode(place.Directory, place.Name, entry);
                break;
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => Pop(0);

    private static ContentException NotADirectory(byte[] path) => new(
        ContentFailure.Malformed, $"unpack layer: \"{PathEncoding.Decode(path)}\" is not a directory");

    private static LayerEntry PlainDirectory(byte[] path) =>
        new() { Path = path, Kind = FileKind.Directory, Mode = 0b111_101_101 };

    /// <summary>Walks to a directory, following links; gives its true path and leaves it on the stack.</summary>
    private byte[] Walk(byte[] path)
    {
        for (int hops = 0; hops <= LayerLimits.MaxLinkHops; hops++)
        {
            if (TryWalk(path, out byte[] next))
            {
                return path;
            }

            path = next;
        }

        throw new ContentException(
            ContentFailure.Malformed, $"unpack layer: too many symbolic links in \"{PathEncoding.Decode(path)}\"");
    }

    /// <summary>Walks to a directory; false with the path to try next when a component is a link.</summary>
    private bool TryWalk(byte[] path, out byte[] next)
    {
        next = [];
        int depth = 0;
        int position = 0;
        while (position < path.Length)
        {
            int end = path.AsSpan(position).IndexOf((byte)'/');
            end = end < 0 ? path.Length : position + end;
            ReadOnlySpan<byte> component = path.AsSpan(position, end - position);
            if (depth < _stack.Count && component.SequenceEqual(_stack[depth].Name))
            {
                depth++;
                position = end + 1;
                continue;
            }

            Pop(depth);
            byte[] soFar = path[..end];
            if (FindLink(component, soFar) is { } text)
            {
                byte[] rest = end < path.Length ? path[(end + 1)..] : [];
                byte[] start = text.AsSpan().StartsWith("/"u8) ? [] : path[..Math.Max(position - 1, 0)];
                next = RootedPath.Clean([.. start, (byte)'/', .. text, (byte)'/', .. rest]);
                return false;
            }

            int directory = depth == 0 ? _target.Root.Value : _stack[^1].Directory.Value;
            var place = new LayerPlace(directory, component.ToArray(), soFar);
            if (!TryEnter(place))
            {
                MakeMissingDirectory(place);
            }

            _stack.Add((place.Name, AtCalls.Open(directory, component, OpenFlags.DirectoryPath)));
            depth++;
            position = end + 1;
        }

        Pop(depth);
        return true;
    }

    /// <summary>The text of a component that is a link, here or (when nothing is here) below; null when it is none.</summary>
    private byte[]? FindLink(ReadOnlySpan<byte> component, byte[] path)
    {
        int directory = _stack.Count == 0 ? _target.Root.Value : _stack[^1].Directory.Value;
        if (AtCalls.TryStat(directory, component, out FileStatus status))
        {
            return status.IsSymlink ? AtCalls.ReadLink(directory, component)
                : status.IsDirectory || status.IsWhiteout ? null
                : throw NotADirectory(path);
        }

        return FindBelow(path) is { Kind: FileKind.Symlink, LinkTarget: { } target } ? PathEncoding.Encode(target) : null;
    }

    private FileNode? FindBelow(byte[] path)
    {
        NeedsParent = true;
        string text = PathEncoding.Decode(path);
        if (_opaque.Count > 0 && (_opaque.Contains("") || IsHidden(text)))
        {
            return null;
        }

        if (!_belowIsOpen)
        {
            _below = _openBelow?.Invoke();
            _belowIsOpen = true;
        }

        return _below?.Find(text);
    }

    private bool IsHidden(string path)
    {
        for (int slash = path.LastIndexOf('/'); slash > 0; slash = path.LastIndexOf('/', slash - 1))
        {
            if (_opaque.Contains(path[..slash]))
            {
                return true;
            }
        }

        return false;
    }

    private byte[] Descend(byte[] root)
    {
        Pop(0);
        return root;
    }

    private void Pop(int depth)
    {
        for (int i = _stack.Count - 1; i >= depth; i--)
        {
            _stack[i].Directory.Dispose();
            _stack.RemoveAt(i);
        }
    }
}

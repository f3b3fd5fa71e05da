// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Executor.Snapshots;

/// <summary>
/// A file system as its layers make it, read without a mount: a union over snapshot directories with overlayfs' rules
/// (whiteouts, opaque directories). Links in the middle of a path are followed inside the root, component by component;
/// snapshots do not change, so what was found is remembered. Thread-safe.
/// </summary>
internal sealed class MergedTree : IFileTree, IDisposable
{
    private const int MaxRememberedDirectories = 20_000;
    private const int ReadBytes = 256 * 1024;

    private readonly Layer[] _layers;
    private readonly ConcurrentDictionary<string, MergedDirectory?> _directories = new(StringComparer.Ordinal);
    private readonly MergedDirectory _root;

    /// <summary>Opens a union.</summary>
    /// <param name="identity">The chainID.</param>
    /// <param name="snapshots">Snapshot directories, top first.</param>
    /// <param name="mode">What the disk can hold for this process.</param>
    public MergedTree(string identity, IReadOnlyList<string> snapshots, OwnershipMode mode)
    {
        Identity = identity;
        _layers = [.. snapshots.Select(path => new Layer(
            AtCalls.Open(Path.Combine(path, SnapshotStore.FilesDirectory), OpenFlags.DirectoryPath),
            new OwnerStore(mode, Path.Combine(path, SnapshotStore.OwnersFile))))];
        _root = new MergedDirectory("", [], VisibleLayers(Enumerable.Range(0, _layers.Length), "."u8.ToArray()));
    }

    /// <inheritdoc/>
    public string? Identity { get; }

    /// <inheritdoc/>
    public FileNode? Find(string path)
    {
        if (path.Length == 0)
        {
            return _layers.Length == 0 ? EmptyRoot() : Describe(_root.Layers[0], "."u8.ToArray(), "");
        }

        return Locate(path) is { } place && FindIn(place.Directory, place.Name) is { } found
            ? Describe(found.Layer, Join(place.Directory.Path, place.Name), PathEncoding.Decode(place.Name), found.Status)
            : null;
    }

    /// <inheritdoc/>
    public IReadOnlyList<FileNode> List(string directory) => OpenDirectory(directory) is { } merged
        ? [.. VisibleNames(merged).Select(pair =>
            Describe(pair.Value, Join(merged.Path, pair.Key), PathEncoding.Decode(pair.Key)))]
        : [];

    /// <summary>The entries of a directory and where each lies on disk; empty when there is no such directory.</summary>
    internal IEnumerable<StoredEntry> ListStored(string directory)
    {
        if (OpenDirectory(directory) is not { } merged)
        {
            yield break;
        }

        foreach ((byte[] name, int layer) in VisibleNames(merged))
        {
            yield return StoredAt(layer, name, Join(merged.Path, name));
        }
    }

    /// <summary>Where an entry lies on disk, links before the last component followed; null when there is none.</summary>
    internal StoredEntry? FindStored(string path)
    {
        if (path.Length == 0)
        {
            return _layers.Length == 0 ? null : StoredAt(_root.Layers[0], [], "."u8.ToArray());
        }

        return Locate(path) is { } place && FindIn(place.Directory, place.Name) is { } found
            ? StoredAt(found.Layer, place.Name, Join(place.Directory.Path, place.Name))
            : null;
    }

    /// <inheritdoc/>
    public Stream Open(string path)
    {
        if (Locate(path) is not { } place || FindIn(place.Directory, place.Name) is not { } found)
        {
            throw new LinuxException("open", Errno.ENOENT, path);
        }

        byte[] name = Join(place.Directory.Path, place.Name);
        if (!found.Status.IsRegular)
        {
            throw new LinuxException("open", found.Status.IsDirectory ? Errno.EISDIR : Errno.EINVAL, path);
        }

        return new DescriptorStream(
            AtCalls.Open(_layers[found.Layer].Root.Value, name, OpenFlags.ReadOnly | OpenFlags.NoFollow), false);
    }

    /// <inheritdoc/>
    public Digest ContentDigest(string path)
    {
        using Stream stream = Open(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ReadBytes);
        int count;
        while ((count = stream.Read(buffer)) > 0)
        {
            hash.AppendData(buffer, 0, count);
        }

        ArrayPool<byte>.Shared.Return(buffer);
        return Digest.FromHash(hash.GetHashAndReset());
    }

    /// <inheritdoc/>
    public Absence? ExplainAbsence(string path) => null;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Layer layer in _layers)
        {
            layer.Root.Dispose();
        }
    }

    private static FileNode EmptyRoot() => new()
    {
        Name = "",
        Kind = FileKind.Directory,
        Mode = 0b111_101_101,
        UserId = 0,
        GroupId = 0,
    };

    private static byte[] Join(byte[] directory, byte[] name) =>
        directory.Length == 0 ? name : [.. directory, (byte)'/', .. name];

    // Upper layers win; a whiteout's name is taken, too, and by nothing.
    private SortedDictionary<byte[], int> VisibleNames(MergedDirectory merged)
    {
        var names = new SortedDictionary<byte[], int>(ByteOrder.Instance);
        var hidden = new HashSet<byte[]>(ByteOrder.Instance);
        foreach (int layer in merged.Layers)
        {
            foreach (DirectoryEntry entry in DirectoryReader.Read(_layers[layer].Root.Value, merged.Path))
            {
                if (names.ContainsKey(entry.Name) || hidden.Contains(entry.Name))
                {
                    continue;
                }

                if (entry.TypeBits is FileType.CharacterDevice or FileType.Socket or 0
                    && Stat(layer, Join(merged.Path, entry.Name)) is { IsWhiteout: true })
                {
                    hidden.Add(entry.Name);
                }
                else
                {
                    names.Add(entry.Name, layer);
                }
            }
        }

        return names;
    }

    private StoredEntry StoredAt(int layer, byte[] name, byte[] path) => new(
        name, layer, _layers[layer].Root.Value, path, AtCalls.Stat(_layers[layer].Root.Value, path),
        _layers[layer].Owners);

    /// <summary>The directory that holds a path's last component, links before it followed; null when there is none.</summary>
    private (MergedDirectory Directory, byte[] Name)? Locate(string path)
    {
        byte[] clean = PathEncoding.Encode(path.Trim('/'));
        byte[] name = RootedPath.Name(clean).ToArray();
        if (name is [] or [(byte)'.'] or [(byte)'.', (byte)'.'])
        {
            // A path that ends so names a directory: take the place that it means.
            return OpenDirectory(path) is { Path.Length: > 0 } directory
                && OpenDirectory(PathEncoding.Decode(RootedPath.Parent(directory.Path))) is { } parent
                    ? (parent, RootedPath.Name(directory.Path).ToArray())
                    : null;
        }

        return OpenDirectory(PathEncoding.Decode(RootedPath.Parent(clean))) is { } holder ? (holder, name) : null;
    }

    /// <summary>A directory by its path, links followed; null when there is none.</summary>
    private MergedDirectory? OpenDirectory(string path)
    {
        string key = path.Trim('/');
        if (key.Length == 0)
        {
            return _root;
        }

        if (_directories.TryGetValue(key, out MergedDirectory? known))
        {
            return known;
        }

        MergedDirectory? found = Walk(PathEncoding.Encode(key));
        if (_directories.Count >= MaxRememberedDirectories)
        {
            _directories.Clear();
        }

        _directories[key] = found;
        return found;
    }

    private MergedDirectory? Walk(byte[] path)
    {
        MergedDirectory current = _root;
        var ancestors = new Stack<MergedDirectory>();
        var pending = new Stack<byte[]>();
        Push(pending, path);
        int hops = 0;
        while (pending.TryPop(out byte[]? component))
        {
            if (component is [(byte)'.', (byte)'.'])
            {
                current = ancestors.TryPop(out MergedDirectory? parent) ? parent : _root;
                continue;
            }

            if (FindIn(current, component) is not { } found)
            {
                return null;
            }

            if (found.Status.IsSymlink)
            {
                if (++hops > LayerLimits.MaxLinkHops)
                {
                    throw new LinuxException("resolve", Errno.ELOOP, PathEncoding.Decode(path));
                }

                byte[] target = AtCalls.ReadLink(_layers[found.Layer].Root.Value, Join(current.Path, component));
                if (target is [(byte)'/', ..])
                {
                    current = _root;
                    ancestors.Clear();
                }

                Push(pending, target);
                continue;
            }

            if (!found.Status.IsDirectory)
            {
                return null;
            }

            ancestors.Push(current);
            current = Enter(current, component, found.Layer);
        }

        return current;
    }

    private static void Push(Stack<byte[]> pending, byte[] path)
    {
        var components = new List<byte[]>();
        foreach (Range range in path.AsSpan().Split((byte)'/'))
        {
            ReadOnlySpan<byte> component = path.AsSpan(range);
            if (!component.IsEmpty && !component.SequenceEqual("."u8))
            {
                components.Add(component.ToArray());
            }
        }

        for (int i = components.Count - 1; i >= 0; i--)
        {
            pending.Push(components[i]);
        }
    }

    private MergedDirectory Enter(MergedDirectory parent, byte[] name, int topLayer)
    {
        byte[] path = Join(parent.Path, name);
        string key = PathEncoding.Decode(path);
        if (_directories.TryGetValue(key, out MergedDirectory? known) && known is not null
            && known.Path.AsSpan().SequenceEqual(path))
        {
            return known;
        }

        var directory = new MergedDirectory(
            key, path, VisibleLayers(parent.Layers.SkipWhile(layer => layer != topLayer), path));
        _directories[key] = directory;
        return directory;
    }

    /// <summary>The layers that have a directory at a path, from the top down to where something hides the rest.</summary>
    private int[] VisibleLayers(IEnumerable<int> candidates, byte[] path)
    {
        var visible = new List<int>();
        foreach (int layer in candidates)
        {
            if (Stat(layer, path) is not { } status)
            {
                continue;
            }

            if (!status.IsDirectory)
            {
                break;
            }

            visible.Add(layer);
            if (Whiteout.IsOpaque(_layers[layer].Root.Value, path))
            {
                break;
            }
        }

        return [.. visible];
    }

    private (int Layer, FileStatus Status)? FindIn(MergedDirectory directory, byte[] name)
    {
        byte[] path = Join(directory.Path, name);
        foreach (int layer in directory.Layers)
        {
            if (Stat(layer, path) is { } status)
            {
                return status.IsWhiteout ? null : (layer, status);
            }
        }

        return null;
    }

    private FileStatus? Stat(int layer, byte[] path) =>
        AtCalls.TryStat(_layers[layer].Root.Value, path, out FileStatus status) ? status : null;

    private FileNode Describe(int layer, byte[] path, string name) => Describe(
        layer, path, name, AtCalls.Stat(_layers[layer].Root.Value, path));

    private FileNode Describe(int layer, byte[] path, string name, in FileStatus status)
    {
        int root = _layers[layer].Root.Value;
        RecordedAttributes attributes = _layers[layer].Owners.Read(root, path, status);
        return new FileNode
        {
            Name = name,
            Kind = attributes.Kind,
            Mode = attributes.Mode,
            UserId = attributes.UserId,
            GroupId = attributes.GroupId,
            Size = attributes.Kind == FileKind.Regular ? status.Size : 0,
            ModifiedSeconds = status.Modification.Seconds,
            ModifiedNanoseconds = (int)status.Modification.Nanoseconds,
            LinkTarget = status.IsSymlink ? PathEncoding.Decode(AtCalls.ReadLink(root, path)) : null,
            DeviceMajor = attributes.DeviceMajor,
            DeviceMinor = attributes.DeviceMinor,
            HardLinkKey = status.LinkCount > 1 && !status.IsDirectory
                ? string.Create(CultureInfo.InvariantCulture, $"{layer}:{status.Inode}")
                : null,
            Xattrs = LayerXattrs.Read(root, path),
        };
    }

    private sealed record Layer(FileDescriptor Root, OwnerStore Owners);

    /// <summary>A directory of the union: its true path and the layers that show through, top first.</summary>
    private sealed record MergedDirectory(string Key, byte[] Path, int[] Layers);

    private sealed class ByteOrder : IComparer<byte[]>, IEqualityComparer<byte[]>
    {
        public static ByteOrder Instance { get; } = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj)
        {
            var hash = default(HashCode);
            hash.AddBytes(obj);
            return hash.ToHashCode();
        }
    }
}

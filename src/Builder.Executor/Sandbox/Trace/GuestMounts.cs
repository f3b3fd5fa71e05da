// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// What a step sees where. In the file system below, an empty file or directory stands in the place of each mount: whoever
/// comes upon one of them by its inode has come upon the mount.
/// </summary>
internal sealed class GuestMounts : IDisposable
{
    private readonly List<GuestMount> _byTarget = [];
    private readonly List<GuestMount> _byHostPath = [];
    private readonly Dictionary<(uint, uint, ulong), GuestMount> _places = [];
    private readonly HashSet<(uint, uint)> _special = [];
    private readonly HashSet<(uint, uint)> _covered = [];

    /// <summary>Takes over the root.</summary>
    public GuestMounts(GuestMount root)
    {
        Root = root;
        Add(root);
    }

    /// <summary>The step's root.</summary>
    public GuestMount Root { get; }

    /// <summary>All mounts, those that lie deepest first.</summary>
    public IReadOnlyList<GuestMount> All => _byTarget;

    /// <summary>True when a held file lies below what is mounted: its path, if it was looked up there, means another.</summary>
    public bool IsCovered(int descriptor, in FileStatus status) =>
        _covered.Contains((status.HolderMajor, status.HolderMinor)) && HostCall.PathOf(descriptor) is { } path && FindHost(path) is { } mount
        && Find(ToGuest(path), out _) != mount;

    /// <summary>Some of the file systems may not be changed although this process could.</summary>
    public bool HasReadOnly { get; private set; }

    /// <summary>Adds a mount; its place must be there in what was mounted before.</summary>
    public void Mount(GuestMount mount)
    {
        GuestMount below = Find(mount.Target, out ReadOnlySpan<byte> rest);
        if (rest.Length > 0 && HostCall.StatusAt(below.Handle.Value, rest, out FileStatus place) == 0)
        {
            _places[Key(place)] = mount;
            if (place.IsDirectory && HasEntries(below.Handle.Value, rest))
            {
                _covered.Add((place.HolderMajor, place.HolderMinor));
            }
        }

        Add(mount);
    }

    /// <summary>The mount that a path without links lies in, and the path in it.</summary>
    public GuestMount Find(ReadOnlySpan<byte> path, out ReadOnlySpan<byte> rest)
    {
        foreach (GuestMount mount in _byTarget)
        {
            if (IsWithin(path, mount.Target))
            {
                rest = path[mount.Target.Length..].TrimStart((byte)'/');
                return mount;
            }
        }

        rest = path.TrimStart((byte)'/');
        return Root;
    }

    /// <summary>True when a path leads, by its text, to or into a mount other than the root.</summary>
    public bool Covers(ReadOnlySpan<byte> path)
    {
        foreach (GuestMount mount in _byTarget)
        {
            if (mount != Root && IsWithin(path, mount.Target))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The mount whose place a file is, or null.</summary>
    public GuestMount? AtPlace(in FileStatus status) =>
        _places.Count == 0 ? null : _places.GetValueOrDefault(Key(status));

    /// <summary>True for what a mount shows at its target: nothing of it is above.</summary>
    public bool IsTop(in FileStatus status)
    {
        foreach (GuestMount mount in _byTarget)
        {
            if (Key(mount.Status) == Key(status))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>True for files of /proc.</summary>
    public bool IsSpecial(in FileStatus status) => _special.Contains((status.HolderMajor, status.HolderMinor));

    /// <summary>The mount that a file of this machine is seen through, or null.</summary>
    public GuestMount? FindHost(ReadOnlySpan<byte> hostPath)
    {
        foreach (GuestMount mount in _byHostPath)
        {
            if (IsWithin(hostPath, mount.HostPath))
            {
                return mount;
            }
        }

        return null;
    }

    /// <summary>What the step calls a file of this machine; null when it cannot see it.</summary>
    public byte[]? ToGuest(ReadOnlySpan<byte> hostPath)
    {
        if (FindHost(hostPath) is not { } mount)
        {
            return null;
        }

        byte[] path = [.. mount.Target, .. hostPath[mount.HostPath.Length..]];
        return path.Length == 0 ? "/"u8.ToArray() : path;
    }

    /// <summary>True when a held file may not be changed.</summary>
    public bool IsReadOnly(int descriptor) =>
        HasReadOnly && HostCall.PathOf(descriptor) is { } path && FindHost(path) is { IsReadOnly: true };

    /// <summary>True when two held files are seen through different mounts: no name can be moved from one to the other.</summary>
    public bool AreApart(int first, int second) =>
        _byHostPath.Count > 1 && HostCall.PathOf(first) is { } one && HostCall.PathOf(second) is { } other
        && FindHost(one) != FindHost(other);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (GuestMount mount in _byTarget)
        {
            mount.Dispose();
        }
    }

    private static bool IsWithin(ReadOnlySpan<byte> path, ReadOnlySpan<byte> directory) =>
        path.StartsWith(directory) && (path.Length == directory.Length || path[directory.Length] == '/');

    private static (uint, uint, ulong) Key(in FileStatus status) =>
        (status.HolderMajor, status.HolderMinor, status.Inode);

    private static bool HasEntries(int directory, ReadOnlySpan<byte> path)
    {
        long opened = HostCall.OpenResolved(directory, path, OpenFlags.DirectoryRead, Libc.ResolveBeneath);
        if (opened < 0)
        {
            return true; // to be careful
        }

        using var place = new FileDescriptor((int)opened);
        return DirectoryReader.Read(place.Value).Count > 0;
    }

    private void Add(GuestMount mount)
    {
        _byTarget.RemoveAll(other => other.Target.AsSpan().SequenceEqual(mount.Target));
        _byTarget.Add(mount);
        _byTarget.Sort((a, b) => b.Target.Length.CompareTo(a.Target.Length));
        _byHostPath.Add(mount);
        _byHostPath.Sort((a, b) => b.HostPath.Length.CompareTo(a.HostPath.Length));
        HasReadOnly |= mount.IsReadOnly;
        if (mount.IsProc)
        {
            _special.Add((mount.Status.HolderMajor, mount.Status.HolderMinor));
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Layers;

/// <summary>
/// Writes the files of a layer into its directory. Callers name a place by an open directory of the layer and a last
/// component, so no path is resolved here. Directory times are set at the end, when nothing changes them any more. Not
/// thread-safe.
/// </summary>
internal sealed class LayerDirectory : IDisposable
{
    private const int NewFileMode = 0b110_000_000;
    private const int NewDirectoryMode = 0b111_000_000;

    private readonly FileDescriptor _root;
    private readonly Dictionary<string, (long Seconds, int Nanoseconds)> _directoryTimes =
        new(StringComparer.Ordinal);

    /// <summary>Writes below <paramref name="path"/>, an existing directory that nobody else writes to.</summary>
    public LayerDirectory(string path, OwnerStore owners)
    {
        _root = AtCalls.Open(path, OpenFlags.DirectoryPath);
        Owners = owners;
    }

    /// <summary>The layer's root.</summary>
    public FileDescriptor Root => _root;

    /// <summary>Where owners are recorded.</summary>
    public OwnerStore Owners { get; }

    /// <summary>Makes a new directory, or updates an existing one, with its metadata.</summary>
    /// <param name="parent">An open directory of the layer.</param>
    /// <param name="name">The last component; empty is the parent itself (the root's own entry).</param>
    /// <param name="entry">What it shall be.</param>
    public void MakeDirectory(int parent, ReadOnlySpan<byte> name, LayerEntry entry)
    {
        if (!name.IsEmpty)
        {
            AtCalls.TryMakeDirectory(parent, name, NewDirectoryMode);
        }

        // An O_PATH descriptor cannot be changed itself; "." below it can.
        ReadOnlySpan<byte> self = name.IsEmpty ? "."u8 : name;
        Owners.Apply(parent, self, AttributesOf(entry));
        LayerXattrs.Apply(parent, self, entry);
        _directoryTimes[PathEncoding.Decode(entry.Path)] = (entry.ModifiedSeconds, entry.ModifiedNanoseconds);
    }

    /// <summary>Makes a new regular file, opened for writing; when its content is there call <see cref="FinishFile"/>.</summary>
    public static FileDescriptor CreateFile(int parent, ReadOnlySpan<byte> name) => AtCalls.Open(
        parent, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, NewFileMode);

    /// <summary>Gives a written file its metadata. The descriptor may be closed before or after.</summary>
    public void FinishFile(int parent, ReadOnlySpan<byte> name, LayerEntry entry)
    {
        Owners.Apply(parent, name, AttributesOf(entry));
        LayerXattrs.Apply(parent, name, entry);
        AtCalls.SetModificationTime(parent, name, entry.ModifiedSeconds, entry.ModifiedNanoseconds);
    }

    /// <summary>Makes a symbolic link with its metadata.</summary>
    public void MakeSymlink(int parent, ReadOnlySpan<byte> name, LayerEntry entry)
    {
        AtCalls.Symlink(entry.LinkTarget, parent, name);
        Owners.Apply(parent, name, AttributesOf(entry));
        LayerXattrs.Apply(parent, name, entry);
        AtCalls.SetModificationTime(parent, name, entry.ModifiedSeconds, entry.ModifiedNanoseconds);
    }

    /// <summary>Makes a device node or fifo with its metadata.</summary>
    public void MakeNode(int parent, ReadOnlySpan<byte> name, LayerEntry entry)
    {
        Owners.MakeNode(parent, name, AttributesOf(entry));
        LayerXattrs.Apply(parent, name, entry);
        AtCalls.SetModificationTime(parent, name, entry.ModifiedSeconds, entry.ModifiedNanoseconds);
    }

    /// <summary>Forgets the time of a directory that was removed again, and of all below it.</summary>
    public void ForgetTimes(string path)
    {
        string below = path + "/";
        foreach (string known in _directoryTimes.Keys
            .Where(known => known.StartsWith(below, StringComparison.Ordinal) || known == path).ToArray())
        {
            _directoryTimes.Remove(known);
        }
    }

    /// <summary>Sets the times of all directories made here; nothing is written after this.</summary>
    public void FinishDirectories()
    {
        foreach ((string path, (long seconds, int nanoseconds)) in _directoryTimes)
        {
            AtCalls.SetModificationTime(
                _root.Value, path.Length == 0 ? "."u8 : PathEncoding.Encode(path), seconds, nanoseconds);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _root.Dispose();

    private static RecordedAttributes AttributesOf(LayerEntry entry) => new(
        entry.Kind, entry.Mode, entry.UserId, entry.GroupId, entry.DeviceMajor, entry.DeviceMinor);
}

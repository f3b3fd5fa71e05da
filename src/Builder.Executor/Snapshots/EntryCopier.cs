// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Solver.Files;

namespace Builder.Executor.Snapshots;

/// <summary>
/// Makes a second copy of what lies on disk, exactly: owner, mode, times to the nanosecond, attributes (bld's own records
/// among them, overlayfs' marks not), nodes, hard links within a layer. Snapshot files themselves never get another name:
/// whoever owns the copy may write to it. Not thread-safe.
/// </summary>
internal sealed class EntryCopier
{
    private const int NewFileMode = 0b110_000_000;
    private const int NewDirectoryMode = 0b111_000_000;

    private readonly OwnerStore _owners;
    private readonly FileContentCopier _content = new();
    private readonly Dictionary<(int Layer, ulong Inode), byte[]> _firstNames = [];
    private readonly uint _user = Libc.GetEffectiveUserId();
    private readonly uint _group = Libc.GetEffectiveGroupId();

    /// <summary>Copies into a tree.</summary>
    /// <param name="root">The tree's root, to find first names of hard links.</param>
    /// <param name="owners">Keeps owners that the disk of the tree cannot.</param>
    public EntryCopier(int root, OwnerStore owners)
    {
        Root = root;
        _owners = owners;
    }

    /// <summary>The tree's root.</summary>
    public int Root { get; }

    /// <summary>Forgets names of hard links; before another layer with the same number is copied.</summary>
    public void ForgetLinks() => _firstNames.Clear();

    /// <summary>Makes an empty directory for a copy; <see cref="FinishDirectory"/> once it is filled.</summary>
    public static void BeginDirectory(int directory, ReadOnlySpan<byte> name) =>
        AtCalls.MakeDirectory(directory, name, NewDirectoryMode);

    /// <summary>Gives a directory that is open for reading the metadata of its source.</summary>
    public void FinishDirectory(StoredEntry source, int directory)
    {
        Chown(source, directory, []);
        AtCalls.Chmod(directory, [], source.Status.Permissions);
        CopyAttributes(source, directory, "."u8);
        SetTime(source, directory, []);
    }

    /// <summary>Copies anything but a directory.</summary>
    /// <param name="source">What.</param>
    /// <param name="directory">Where to.</param>
    /// <param name="name">The name there, which must be free.</param>
    /// <param name="path">The same place as a path below <see cref="Root"/>.</param>
    public void CopyFile(StoredEntry source, int directory, byte[] name, byte[] path)
    {
        if (source.Status.LinkCount > 1)
        {
            if (_firstNames.TryGetValue((source.Layer, source.Status.Inode), out byte[]? first))
            {
                AtCalls.Link(Root, first, directory, name);
                return;
            }

            _firstNames.Add((source.Layer, source.Status.Inode), path);
        }

        switch (source.Status.Kind)
        {
            case FileKind.Regular:
                CopyRegular(source, directory, name);
                break;
            case FileKind.Symlink:
                AtCalls.Symlink(AtCalls.ReadLink(source.Root, source.Path), directory, name);
                FinishOther(source, directory, name);
                break;
            case FileKind.Socket:
                break; // belongs to a process that is gone
            default:
                if (!AtCalls.RawMknod(
                    directory, name, source.Status.RawMode, source.Status.DeviceMajor, source.Status.DeviceMinor))
                {
                    throw AtCalls.Failure("make node", directory, name);
                }

                FinishOther(source, directory, name);
                break;
        }
    }

    private void CopyRegular(StoredEntry source, int directory, byte[] name)
    {
        using FileDescriptor from = AtCalls.Open(
            source.Root, source.Path, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlock);
        using FileDescriptor to = AtCalls.Open(
            directory, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, NewFileMode);
        _content.Copy(from.Value, to.Value, source.Status);
        Chown(source, to.Value, []);
        AtCalls.Chmod(to.Value, [], source.Status.Permissions);
        CopyAttributes(source, directory, name);
        SetTime(source, to.Value, []);
    }

    private void FinishOther(StoredEntry source, int directory, byte[] name)
    {
        Chown(source, directory, name);
        if (!source.Status.IsSymlink)
        {
            AtCalls.Chmod(directory, name, source.Status.Permissions); // mknod obeys the umask
        }

        CopyAttributes(source, directory, name);
        SetTime(source, directory, name);
        RecordedAttributes recorded = source.Owners.Read(source.Root, source.Path, source.Status);
        FileStatus made = AtCalls.Stat(directory, name);
        if (source.Owners.Mode != OwnershipMode.Native && recorded != _owners.Read(directory, name, made))
        {
            _owners.RecordInTable(made.Inode, made.Birth, recorded, recordMode: true);
        }
    }

    private void Chown(StoredEntry source, int directory, ReadOnlySpan<byte> name)
    {
        if ((source.Status.UserId, source.Status.GroupId) != (_user, _group)
            && !AtCalls.RawChown(directory, name, source.Status.UserId, source.Status.GroupId))
        {
            throw AtCalls.Failure("change owner of", directory, name);
        }
    }

    private static void SetTime(StoredEntry source, int directory, ReadOnlySpan<byte> name) =>
        AtCalls.SetModificationTime(
            directory, name, source.Status.Modification.Seconds, (int)source.Status.Modification.Nanoseconds);

    // What the disk takes of them; a layer holds only those that it takes (LayerXattrs).
    private static void CopyAttributes(StoredEntry source, int directory, ReadOnlySpan<byte> name)
    {
        foreach (string attribute in Xattrs.List(source.Root, source.Path))
        {
            if (!LayerXattrs.IsOverlay(attribute)
                && Xattrs.Get(source.Root, source.Path, attribute) is { } value
                && !Xattrs.RawSet(directory, name, attribute, value)
                && (attribute.StartsWith("user.", StringComparison.Ordinal)
                    || string.Equals(attribute, "security.capability", StringComparison.Ordinal)))
            {
                throw AtCalls.Failure($"set attribute {attribute} of", directory, name);
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Solver.Files;

namespace Builder.Executor.Context;

/// <summary>
/// Reads tar archives, compressed or not, into an <see cref="ArchiveTree"/>. As tar -x does, a later member replaces an
/// earlier one, and links in the middle of a path are followed, inside the archive.
/// </summary>
internal sealed class ArchiveUnpacker
{
    private const long MaxContentBytes = 1L << 40;
    private const int CopyBytes = 256 * 1024;
    private const int ImpliedMode = 0b111_101_101;
    private const int ContentMode = 0b110_000_000;

    private readonly string _description;
    private readonly string _contents;
    private readonly Dictionary<string, ArchiveMember> _members = new(StringComparer.Ordinal);
    private readonly byte[] _buffer = new byte[CopyBytes];
    private long _contentBytes;
    private int _next;

    private ArchiveUnpacker(string description, string contents)
    {
        _description = description;
        _contents = contents;
        _members[""] = Implied("");
    }

    /// <summary>True when a file is a tar archive with at least one member, judged by its content. Reads its beginning.</summary>
    public static bool IsArchive(Stream file)
    {
        try
        {
            using Stream content = LayerCompression.OpenRead(file);
            return new LayerTarReader(content).Next() is not null;
        }
        catch (Exception exception) when (IsDamage(exception))
        {
            return false;
        }
    }

    /// <summary>Unpacks an archive.</summary>
    /// <param name="archive">The archive; read to its end and disposed.</param>
    /// <param name="description">What to call it in messages.</param>
    /// <param name="contents">An empty private directory.</param>
    /// <param name="identity">The identity of the tree, or null.</param>
    /// <param name="cancellationToken">Cancels between members.</param>
    /// <exception cref="ContextException">The archive is damaged or demands something impossible.</exception>
    public static ArchiveTree Unpack(
        Stream archive, string description, string contents, string? identity, CancellationToken cancellationToken)
    {
        var unpacker = new ArchiveUnpacker(description, contents);
        try
        {
            using Stream content = LayerCompression.OpenRead(archive);
            var reader = new LayerTarReader(content);
            while (reader.Next() is { } entry)
            {
                cancellationToken.ThrowIfCancellationRequested();
                unpacker.Add(entry, reader);
            }
        }
        catch (Exception exception) when (IsDamage(exception))
        {
            throw new ContextException(
                ContextFailure.Invalid, $"unpack {description}: {exception.Message.ToLowerInvariant().TrimEnd('.')}", exception);
        }

        return new ArchiveTree(contents, unpacker._members, identity);
    }

    /// <summary>What readers of archives and compressions throw at damaged input.</summary>
    private static bool IsDamage(Exception exception) => exception
        is ContentException or InvalidDataException or EndOfStreamException or ZstdSharp.ZstdException
        or SharpCompress.Common.SharpCompressException or IndexOutOfRangeException or ArgumentException or FormatException
        or OverflowException or InvalidOperationException or NotSupportedException
        || (exception.GetType() == typeof(IOException));

    private static ArchiveMember Implied(string path) => new(
        new FileNode
        {
            Name = TreePath.Name(path),
            Kind = FileKind.Directory,
            Mode = ImpliedMode,
            UserId = 0,
            GroupId = 0,
        },
        IsImplied: true);

    private void Add(LayerEntry entry, LayerTarReader reader)
    {
        string written = PathEncoding.Decode(entry.Path);
        if (written.Length == 0)
        {
            // the root's own entry says nothing about the directory that the archive is unpacked into
            return;
        }

        string directory = TreePath.Resolve(TreePath.Directory(written), Find);
        MakeDirectories(directory);
        string path = TreePath.Join(directory, TreePath.Name(written));
        if (entry.HardLinkTo is { } target)
        {
            AddLink(path, PathEncoding.Decode(target));
            return;
        }

        if (_members.GetValueOrDefault(path) is { Node.Kind: FileKind.Directory } && entry.Kind != FileKind.Directory)
        {
            RemoveBelow(path);
        }

        int? content = entry.Kind == FileKind.Regular ? Save(entry, reader) : null;
        _members[path] = new ArchiveMember(ToNode(TreePath.Name(path), entry), content);
    }

    private void AddLink(string path, string target)
    {
        string real = TreePath.Join(TreePath.Resolve(TreePath.Directory(target), Find), TreePath.Name(target));
        if (_members.GetValueOrDefault(real) is not { Node.Kind: not FileKind.Directory } first)
        {
            throw new ContextException(
                ContextFailure.Invalid, $"unpack {_description}: \"{path}\" is a link to \"{target}\", which is not there");
        }

        if (real == path)
        {
            return;
        }

        if (first.Content is { } content && first.Node.HardLinkKey is null)
        {
            string key = content.ToString(CultureInfo.InvariantCulture);
            first = first with { Node = first.Node with { HardLinkKey = key } };
            _members[real] = first;
        }

        RemoveBelow(path);
        _members[path] = first with { Node = first.Node with { Name = TreePath.Name(path) } };
    }

    private FileNode? Find(string path) => _members.GetValueOrDefault(path)?.Node;

    private void MakeDirectories(string path)
    {
        switch (Find(path)?.Kind)
        {
            case FileKind.Directory:
                return;
            case null:
                MakeDirectories(TreePath.Directory(path));
                _members[path] = Implied(path);
                return;
            default:
                throw new ContextException(
                    ContextFailure.Invalid, $"unpack {_description}: \"{path}\" is a file and a directory");
        }
    }

    private void RemoveBelow(string path)
    {
        string prefix = path + "/";
        foreach (string below in _members.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).ToList())
        {
            _members.Remove(below);
        }
    }

    private int Save(LayerEntry entry, LayerTarReader reader)
    {
        _contentBytes += entry.Size;
        if (_contentBytes > MaxContentBytes)
        {
            throw new ContextException(
                ContextFailure.Invalid, $"unpack {_description}: its files have more than {MaxContentBytes} bytes");
        }

        int number = _next++;
        using FileDescriptor file = AtCalls.Open(
            ArchiveTree.ContentPath(_contents, number),
            OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive,
            ContentMode);
        if (reader.SparseRegions is { } regions)
        {
            foreach (SparseRegion region in regions)
            {
                RandomAccessWriter.Copy(file, region.Offset, region.Length, reader.ReadContent, _buffer);
            }

            RandomAccessWriter.SetLength(file, entry.Size);
        }
        else
        {
            RandomAccessWriter.Copy(file, 0, entry.Size, reader.ReadContent, _buffer);
        }

        return number;
    }

    private static FileNode ToNode(string name, LayerEntry entry) => new()
    {
        Name = name,
        Kind = entry.Kind,
        Mode = entry.Mode,
        UserId = entry.UserId,
        GroupId = entry.GroupId,
        Size = entry.Kind == FileKind.Regular ? entry.Size : 0,
        ModifiedSeconds = entry.ModifiedSeconds,
        ModifiedNanoseconds = entry.ModifiedNanoseconds,
        LinkTarget = entry.LinkTarget is null ? null : PathEncoding.Decode(entry.LinkTarget),
        DeviceMajor = entry.DeviceMajor,
        DeviceMinor = entry.DeviceMinor,
        Xattrs = [.. entry.Xattrs.OrderBy(attribute => attribute.Name, StringComparer.Ordinal)],
    };
}

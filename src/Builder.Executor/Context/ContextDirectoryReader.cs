// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Frontend.Ignore;
using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Executor.Context;

/// <summary>Reads one directory of a context: names, status, what the ignore patterns let in, what is known of contents.</summary>
internal sealed class ContextDirectoryReader
{
    private readonly int _directory;
    private readonly string _path;
    private readonly IgnoreMatcher _ignore;
    private readonly IgnoreScope _scope;
    private readonly ContentIndex? _index;

    /// <summary>Creates a reader of an open directory.</summary>
    public ContextDirectoryReader(
        int directory, string path, IgnoreMatcher ignore, in IgnoreScope scope, ContentIndex? index)
    {
        _directory = directory;
        _path = path;
        _ignore = ignore;
        _scope = scope;
        _index = index;
    }

    /// <summary>Reads it; <paramref name="hasIncluded"/> says of an ignored directory whether something in it is let in.</summary>
    public DirectoryListing Read(Func<string, bool> hasIncluded)
    {
        List<DirectoryEntry> entries = DirectoryReader.Read(_directory);
        DirectoryReader.SortByBytes(entries);
        var nodes = new List<FileNode>(entries.Count);
        var stamps = new List<FileStamp>(entries.Count);
        var digests = new List<Digest>(entries.Count);
        foreach (DirectoryEntry entry in entries)
        {
            string name = PathEncoding.Decode(entry.Name);
            bool ignored = !_ignore.IsEmpty && _ignore.IsIgnored(TreePath.Join(_path, name), _scope);
            if ((ignored && entry is { IsDirectory: false, TypeBits: not 0 })
                || !AtCalls.TryStat(_directory, entry.Name, out FileStatus status)
                || (ignored && (!status.IsDirectory || !hasIncluded(name))))
            {
                continue;
            }

            FileStamp stamp = FileStamp.From(status);
            KnownContent? known = status.IsRegular ? _index?.Find(stamp) : null;
            if (Complete(LocalContext.ToNode(name, status), entry.Name, status, known) is not { } node)
            {
                continue;
            }

            nodes.Add(node);
            stamps.Add(stamp);
            digests.Add(known?.Digest ?? default);
        }

        return new DirectoryListing([.. nodes], [.. stamps], [.. digests], _scope);
    }

    /// <summary>The node with what status does not say; null when the file was taken away meanwhile.</summary>
    private FileNode? Complete(FileNode node, byte[] name, in FileStatus status, KnownContent? known)
    {
        try
        {
            return ReadRest(node, name, status, known);
        }
        catch (LinuxException exception) when (exception.Errno is Errno.ENOENT or Errno.EINVAL)
        {
            return null;
        }
    }

    private FileNode ReadRest(FileNode node, byte[] name, in FileStatus status, KnownContent? known)
    {
        if (status.IsSymlink)
        {
            return node with { LinkTarget = PathEncoding.Decode(AtCalls.ReadLink(_directory, name)) };
        }

        if (status.IsRegular && status.LinkCount > 1)
        {
            node = node with { HardLinkKey = $"{status.HolderMajor}:{status.HolderMinor}:{status.Inode}" };
        }

        return known is { HasXattrs: false } || !(status.IsRegular || status.IsDirectory)
            ? node
            : ReadXattrs(node, name);
    }

    private FileNode ReadXattrs(FileNode node, byte[] name)
    {
        List<string> names = Xattrs.List(_directory, name);
        names.RemoveAll(attribute => !BelongsIntoLayer(attribute));
        if (names.Count == 0)
        {
            return node;
        }

        names.Sort(StringComparer.Ordinal);
        ImmutableArray<ExtendedAttribute> attributes =
        [
            .. from attribute in names
               let value = Xattrs.Get(_directory, name, attribute)
               where value is not null
               select new ExtendedAttribute(attribute, [.. value]),
        ];
        return node with { Xattrs = attributes };
    }

    private static bool BelongsIntoLayer(string attribute) =>
        attribute == "security.capability"
        || (attribute.StartsWith("user.", StringComparison.Ordinal)
            && !attribute.StartsWith("user.overlay.", StringComparison.Ordinal)
            && attribute != OwnerStore.AttributeName);
}

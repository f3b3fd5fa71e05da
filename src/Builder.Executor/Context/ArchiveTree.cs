// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Interop;
using Builder.Frontend.Naming;
using Builder.Solver.Copying;
using Builder.Solver.Files;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Context;

/// <summary>
/// An unpacked archive: its directory structure is in memory, the content of its files in numbered files of a private
/// directory. Names, links, owners and modes of the archive never reach the disk, so none of them can do harm there.
/// </summary>
internal sealed class ArchiveTree : IArchiveTree, IFileHandleSource
{
    private readonly string _contents;
    private readonly Dictionary<string, ArchiveMember> _members;
    private readonly Dictionary<string, List<FileNode>> _lists = new(StringComparer.Ordinal);

    /// <summary>Creates the tree of the members that <see cref="ArchiveUnpacker"/> found.</summary>
    /// <param name="contents">The directory of the contents.</param>
    /// <param name="members">What stands at every path; "" is the root.</param>
    /// <param name="identity">The archive's identity, or null.</param>
    public ArchiveTree(string contents, Dictionary<string, ArchiveMember> members, string? identity)
    {
        _contents = contents;
        _members = members;
        Identity = identity;
        foreach ((string path, ArchiveMember member) in members)
        {
            if (member.Node.Kind == FileKind.Directory)
            {
                _lists.TryAdd(path, []);
            }

            if (path.Length > 0)
            {
                string directory = TreePath.Directory(path);
                _lists.TryAdd(directory, []);
                _lists[directory].Add(member.Node);
            }
        }

        foreach (List<FileNode> list in _lists.Values)
        {
            list.Sort(static (a, b) => PathEncoding.ByteOrder.Compare(a.Name, b.Name));
        }
    }

    /// <inheritdoc/>
    public string? Identity { get; }

    /// <summary>The file in a directory of contents that holds content <paramref name="number"/>.</summary>
    public static string ContentPath(string directory, int number) =>
        Path.Combine(directory, number.ToString(CultureInfo.InvariantCulture));

    /// <inheritdoc/>
    public FileNode? Find(string path) => FindMember(path)?.Node;

    /// <inheritdoc/>
    public IReadOnlyList<FileNode> List(string directory) =>
        _lists.GetValueOrDefault(TreePath.Resolve(directory, FindPlain)) ?? [];

    /// <inheritdoc/>
    public Stream Open(string path) => new FileStream(OpenHandle(path), FileAccess.Read, bufferSize: 0);

    /// <inheritdoc/>
    public SafeFileHandle OpenHandle(string path) => File.OpenHandle(ContentOf(path));

    /// <inheritdoc/>
    public Digest ContentDigest(string path)
    {
        using FileDescriptor file = AtCalls.Open(ContentOf(path), OpenFlags.ReadOnly);
        return FileHash.Compute(file.Value, AtCalls.Stat(file.Value, []).Size);
    }

    /// <inheritdoc/>
    public Absence? ExplainAbsence(string path) => null;

    /// <inheritdoc/>
    public bool IsImplied(string path) => FindMember(path) is { IsImplied: true };

    private FileNode? FindPlain(string path) => _members.GetValueOrDefault(path)?.Node;

    private ArchiveMember? FindMember(string path)
    {
        string directory = TreePath.Resolve(TreePath.Directory(path), FindPlain);
        return _members.GetValueOrDefault(TreePath.Join(directory, TreePath.Name(path)));
    }

    private string ContentOf(string path) => FindMember(path) is { Content: { } content }
        ? ContentPath(_contents, content)
        : throw new ContextException(ContextFailure.NotFound, $"read \"{path}\" of an archive: no such file");
}

/// <summary>A file of an archive.</summary>
/// <param name="Node">What it is.</param>
/// <param name="Content">The number of its content, for a regular file.</param>
/// <param name="IsImplied">A directory that only appears in the paths of others.</param>
internal sealed record ArchiveMember(FileNode Node, int? Content = null, bool IsImplied = false);

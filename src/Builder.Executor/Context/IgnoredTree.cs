// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Ignore;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Context;

/// <summary>
/// A tree as a build context: what the patterns exclude is not there, and everything belongs to 0:0. Paths inside are those
/// of the tree below it.
/// </summary>
internal sealed class IgnoredTree : IFileTree, IFileHandleSource
{
    private readonly IFileTree _inner;
    private readonly IgnoreMatcher _ignore;
    private readonly string _ignoreName;

    /// <summary>Creates the view.</summary>
    public IgnoredTree(IFileTree inner, IgnoreMatcher ignore, string ignoreName)
    {
        _inner = inner;
        _ignore = ignore;
        _ignoreName = ignoreName;
    }

    /// <summary>An immutable tree stays one only when nothing is left out: patterns are no part of its identity.</summary>
    public string? Identity => _ignore.IsEmpty && _inner.Identity is { } identity ? $"context {identity}" : null;

    /// <inheritdoc/>
    public FileNode? Find(string path)
    {
        string real = TreePath.Join(TreePath.Resolve(TreePath.Directory(path), _inner.Find), TreePath.Name(path));
        return _inner.Find(real) is { } node && IsVisible(real, node) ? Owned(node) : null;
    }

    /// <inheritdoc/>
    public IReadOnlyList<FileNode> List(string directory)
    {
        string real = TreePath.Resolve(directory, _inner.Find);
        return
        [
            .. _inner.List(real).Where(node => IsVisible(TreePath.Join(real, node.Name), node)).Select(Owned),
        ];
    }

    /// <inheritdoc/>
    public Stream Open(string path) => _inner.Open(path);

    /// <inheritdoc/>
    public SafeFileHandle OpenHandle(string path) => ((IFileHandleSource)_inner).OpenHandle(path);

    /// <inheritdoc/>
    public Digest ContentDigest(string path) => _inner.ContentDigest(path);

    /// <inheritdoc/>
    public Absence? ExplainAbsence(string path)
    {
        if (_inner.Find(path) is null)
        {
            return _inner.ExplainAbsence(path);
        }

        for (string current = path; current.Length > 0; current = TreePath.Directory(current))
        {
            if (_ignore.IsIgnored(current) && _ignore.DecidingLine(current) is { } line)
            {
                return Absence.ByIgnoreFile(_ignoreName, line);
            }
        }

        return null;
    }

    private static FileNode Owned(FileNode node) => node with { UserId = 0, GroupId = 0 };

    private bool IsVisible(string path, FileNode node) =>
        path.Length == 0 || _ignore.IsEmpty || !_ignore.IsIgnored(path)
        || (node.Kind == FileKind.Directory && _ignore.MayIncludeBelow(path)
            && _inner.List(path).Any(below => IsVisible(TreePath.Join(path, below.Name), below)));
}

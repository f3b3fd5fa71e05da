// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Ignore;
using Builder.Solver.Files;

namespace Builder.Solver.Copying;

/// <summary>Lists what COPY takes below a directory: parents first, names in order, sockets left out.</summary>
internal sealed class TreeWalk
{
    private readonly IFileTree _tree;
    private readonly IncludePattern? _include;
    private readonly IgnoreMatcher _exclude;
    private readonly ImmutableArray<SelectedEntry>.Builder _entries = ImmutableArray.CreateBuilder<SelectedEntry>();

    /// <summary>Directories above the current one that appear only if something in them does.</summary>
    private readonly List<SelectedEntry> _pending = [];

    private TreeWalk(IFileTree tree, IncludePattern? include, IgnoreMatcher exclude)
    {
        _tree = tree;
        _include = include;
        _exclude = exclude;
    }

    /// <summary>Walks below <paramref name="directory"/>; links are entries and never followed.</summary>
    public static ImmutableArray<SelectedEntry> Run(
        IFileTree tree, string directory, IncludePattern? include, IgnoreMatcher exclude)
    {
        var walk = new TreeWalk(tree, include, exclude);
        walk.Visit(directory, "", include?.Start ?? 0);
        return walk._entries.DrainToImmutable();
    }

    private void Visit(string directory, string prefix, ulong state)
    {
        foreach (FileNode node in _tree.List(directory))
        {
            if (node.Kind == FileKind.Socket)
            {
                continue;
            }

            string path = TreePath.Join(prefix, node.Name);
            ulong next = _include?.Next(state, node.Name) ?? 0;
            if (_include is not null && next == 0)
            {
                continue;
            }

            bool excluded = !_exclude.IsEmpty && _exclude.IsIgnored(path);
            bool taken = !excluded && (_include is null || _include.IsIncluded(next));
            var entry = new SelectedEntry(path, node);
            if (taken)
            {
                _entries.AddRange(_pending);
                _pending.Clear();
                _entries.Add(entry);
            }

            if (node.Kind == FileKind.Directory && (!excluded || _exclude.MayIncludeBelow(path)))
            {
                Descend(TreePath.Join(directory, node.Name), entry, taken, next);
            }
        }
    }

    private void Descend(string directory, SelectedEntry entry, bool taken, ulong state)
    {
        if (taken)
        {
            Visit(directory, entry.Path, state);
            return;
        }

        _pending.Add(entry);
        Visit(directory, entry.Path, state);
        _pending.Remove(entry);
    }
}

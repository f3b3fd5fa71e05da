// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Ignore;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Solver.Copying;

/// <summary>Finds what each source of a COPY names in its tree.</summary>
internal sealed class SourceSelector
{
    private readonly CopyRequest _request;

    /// <summary>Creates a selector for one request.</summary>
    public SourceSelector(CopyRequest request, IgnoreMatcher exclude)
    {
        _request = request;
        Exclude = exclude;
    }

    /// <summary>The patterns of <c>--exclude</c>.</summary>
    public IgnoreMatcher Exclude { get; }

    /// <summary>What was found so far.</summary>
    public List<SelectedRoot> Roots { get; } = [];

    /// <summary>Adds what a source names.</summary>
    /// <exception cref="SolveException">Nothing, and it has no wildcards.</exception>
    public void Add(CopySource source)
    {
        switch (source.Kind)
        {
            case CopySourceKind.FetchedFile:
                AddPath(source.Tree, source.Path, TreePath.Clean(source.Path), false, _request.Unpack == true);
                break;
            case CopySourceKind.Contents:
                AddDirectory(source.Tree, source.Path, TreePath.Clean(source.Path), null);
                break;
            case CopySourceKind.Pattern when _request.Parents:
                AddWithParents(source.Tree, source.Path);
                break;
            default:
                SourcePattern pattern = SourcePattern.Parse(source.Path);
                bool unpack = _request.IsAdd && _request.Unpack != false;
                foreach (string path in pattern.Match(source.Tree))
                {
                    AddPath(source.Tree, source.Path, path, pattern.HasWildcards, unpack);
                }

                break;
        }
    }

    private void AddPath(IFileTree tree, string written, string path, bool isWildcard, bool mayUnpack)
    {
        string real = TreePath.Resolve(path, tree.Find);
        FileNode node = tree.Find(real) ?? throw MissingSource.Explain(tree, written, path, _request.Destination);
        if (node.Kind == FileKind.Directory)
        {
            AddDirectory(tree, path, real, null);
            return;
        }

        string name = TreePath.Name(path);
        if (node.Kind == FileKind.Socket)
        {
            if (!isWildcard)
            {
                throw new SolveException($"copy \"{written}\": a socket cannot be stored in a layer") { Subject = written };
            }
        }
        else if (Exclude.IsEmpty || !Exclude.IsIgnored(name))
        {
            Roots.Add(new SelectedRoot
            {
                Kind = SelectedRootKind.File,
                Name = name,
                Node = node,
                Content = node.Kind == FileKind.Regular ? new TreeContent(tree, real) : null,
                Tree = tree,
                MayUnpack = mayUnpack && node.Kind == FileKind.Regular,
            });
        }
    }

    private void AddDirectory(IFileTree tree, string path, string real, IncludePattern? include)
    {
        if (include is null && Exclude.IsEmpty)
        {
            tree.ReadAhead(real);
        }

        Roots.Add(new SelectedRoot
        {
            Kind = SelectedRootKind.Directory,
            Name = TreePath.Name(path),
            Node = tree.Find(real)!,
            Tree = tree,
            BasePath = real,
            Entries = TreeWalk.Run(tree, real, include, Exclude),
        });
    }

    /// <summary>COPY --parents [BASE/./]PATTERN: what is kept of the path is what stands after the pivot.</summary>
    private void AddWithParents(IFileTree tree, string written)
    {
        int pivot = written.IndexOf("/./", StringComparison.Ordinal);
        SourcePattern directory = SourcePattern.Parse(pivot < 0 ? "" : written[..pivot]);
        string below = pivot < 0 ? written : written[(pivot + "/./".Length)..];
        IncludePattern include = IncludePattern.Parse(below);
        bool mayBeMissing = directory.HasWildcards || include.HasWildcards;
        foreach (string path in directory.Match(tree))
        {
            string real = TreePath.Resolve(path, tree.Find);
            if (tree.Find(real) is not { Kind: FileKind.Directory })
            {
                if (directory.HasWildcards)
                {
                    continue;
                }

                throw MissingSource.Explain(tree, written, path, _request.Destination);
            }

            AddDirectory(tree, path, real, include);
            if (!mayBeMissing && Roots[^1].Entries.IsEmpty && TreePath.Clean(below).Length > 0)
            {
                string missing = TreePath.Join(real, TreePath.Clean(below));
                throw MissingSource.Explain(tree, written, missing, _request.Destination);
            }
        }
    }
}

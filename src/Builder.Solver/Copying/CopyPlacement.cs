// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Solver.Copying;

/// <summary>Puts what was selected where the destination says, one source after the other.</summary>
internal sealed class CopyPlacement
{
    private readonly LayerBuilder _layer;
    private readonly string _destination;
    private readonly bool _saysDirectory;

    /// <summary>Creates a placement into a layer.</summary>
    public CopyPlacement(LayerBuilder layer, CopyRequest request)
    {
        _layer = layer;
        _saysDirectory = TreePath.SaysDirectory(request.Destination);
        _destination = TreePath.Clean(
            request.Destination.StartsWith('/')
                ? request.Destination
                : string.Concat(request.WorkingDirectory, "/", request.Destination));
    }

    /// <summary>Places one source.</summary>
    /// <exception cref="SolveException">What exists and what comes do not go together.</exception>
    public void Place(SelectedRoot root)
    {
        _layer.EnsureDirectory(_layer.Resolve(_saysDirectory ? _destination : TreePath.Directory(_destination)));
        string destination = _layer.Resolve(_destination);
        switch (root.Kind)
        {
            case SelectedRootKind.File:
                PlaceFile(root, destination);
                break;
            case SelectedRootKind.Directory:
                _layer.EnsureDirectory(destination);
                PlaceEntries(root, destination);
                break;
            default:
                _layer.EnsureDirectory(destination);
                PlaceArchive(root, destination);
                break;
        }
    }

    private void PlaceFile(SelectedRoot root, string destination)
    {
        string target = destination;
        if (_layer.IsDirectory(destination))
        {
            target = TreePath.Join(destination, root.Name);
        }
        else
        {
            // a link that leads nowhere may have brought us below a directory that is not there; when a wildcard matches
            // several files, the last one stays, as in BuildKit
            _layer.EnsureDirectory(TreePath.Directory(destination));
        }

        _layer.PutFile(target, root.Node, root.Content, null);
    }

    private void PlaceEntries(SelectedRoot root, string destination)
    {
        var links = new LinkGroups();
        foreach ((string path, FileNode node) in root.Entries)
        {
            string target = TreePath.Join(destination, path);
            if (node.Kind == FileKind.Directory)
            {
                _layer.PutDirectory(target, node);
            }
            else
            {
                _layer.PutFile(target, node, ContentOf(root, path, node), links.Find(node));
            }
        }
    }

    /// <summary>
    /// As tar -x does: members replace what is in their way, directories that members describe replace links, and
    /// directories that they leave out are those of the file system, links followed.
    /// </summary>
    private void PlaceArchive(SelectedRoot root, string destination)
    {
        var links = new LinkGroups();
        var directories = new Dictionary<string, string>(StringComparer.Ordinal) { [""] = destination };
        foreach ((string path, FileNode node) in root.Entries)
        {
            string target = TreePath.Join(directories[TreePath.Directory(path)], TreePath.Name(path));
            if (node.Kind != FileKind.Directory)
            {
                if (_layer.IsDirectory(target))
                {
                    _layer.Remove(target);
                }

                _layer.PutFile(target, node, ContentOf(root, path, node), links.Find(node));
                continue;
            }

            if (root.Tree is IArchiveTree archive && archive.IsImplied(path))
            {
                target = _layer.Resolve(target);
                _layer.EnsureDirectory(target);
            }
            else
            {
                if (_layer.Find(target) is not (null or { Kind: FileKind.Directory }))
                {
                    _layer.Remove(target);
                }

                _layer.PutDirectory(target, node);
            }

            directories[path] = target;
        }
    }

    private static TreeContent? ContentOf(SelectedRoot root, string path, FileNode node) =>
        node.Kind == FileKind.Regular ? new TreeContent(root.Tree!, TreePath.Join(root.BasePath, path)) : null;

    /// <summary>One object for all names of a file within a source.</summary>
    private sealed class LinkGroups
    {
        private readonly Dictionary<string, object> _groups = new(StringComparer.Ordinal);

        public object? Find(FileNode node)
        {
            if (node.HardLinkKey is not { } key || node.Kind == FileKind.Directory)
            {
                return null;
            }

            if (!_groups.TryGetValue(key, out object? group))
            {
                group = new object();
                _groups.Add(key, group);
            }

            return group;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Solver.Copying;

/// <summary>
/// A layer in the making over its parent's file system. Everything that it looks up in the parent is recorded: two
/// parents that answer these questions alike give the same layer.
/// </summary>
internal sealed class LayerBuilder
{
    private readonly IFileTree? _parent;
    private readonly FileOwner? _owner;
    private readonly ModeChange? _mode;
    private readonly Timestamp _created;
    private readonly Dictionary<string, PlannedFile> _planned = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileNode?> _observed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _inherited = new(StringComparer.Ordinal);

    /// <summary>What the parent has but an archive replaces.</summary>
    private readonly HashSet<string> _removed = new(StringComparer.Ordinal);

    /// <summary>Directories below which nothing of the parent shows.</summary>
    private readonly HashSet<string> _fresh = new(StringComparer.Ordinal);

    /// <summary>Creates an empty layer.</summary>
    /// <param name="parent">The file system below, or null for none.</param>
    /// <param name="owner">The owner of everything, or null to keep what the sources say (0:0 for directories made here).</param>
    /// <param name="mode">The change of every mode, or null.</param>
    /// <param name="created">The time of what is made here.</param>
    public LayerBuilder(IFileTree? parent, FileOwner? owner, ModeChange? mode, Timestamp created)
    {
        _parent = parent;
        _owner = owner;
        _mode = mode;
        _created = created;
    }

    /// <summary>What stands at a path whose directories are no links; links are not followed.</summary>
    public FileNode? Find(string path)
    {
        if (_planned.TryGetValue(path, out PlannedFile? planned))
        {
            return planned.Node;
        }

        if (_removed.Contains(path) || (path.Length > 0 && _fresh.Contains(TreePath.Directory(path))))
        {
            return null;
        }

        if (!_observed.TryGetValue(path, out FileNode? node))
        {
            node = _parent?.Find(path);
            _observed.Add(path, node);
        }

        return node;
    }

    /// <summary>Follows all links of a clean path inside the root.</summary>
    public string Resolve(string path) => TreePath.Resolve(path, Find);

    /// <summary>True when there is a directory at a resolved path.</summary>
    public bool IsDirectory(string path) => path.Length == 0 || Find(path) is { Kind: FileKind.Directory };

    /// <summary>Makes a directory at a resolved path, and those above it, as far as they are missing.</summary>
    /// <exception cref="SolveException">Something else is in the way.</exception>
    public void EnsureDirectory(string path)
    {
        if (path.Length == 0)
        {
            return;
        }

        switch (Find(path)?.Kind)
        {
            case FileKind.Directory:
                return;
            case null:
                EnsureDirectory(TreePath.Directory(path));
                Put(path, _created.On(DirectoryMadeHere()), null, null);
                _fresh.Add(path);
                return;
            default:
                throw new SolveException($"make directory \"/{path}\": there is a file of that name")
                {
                    Hint = "choose another destination, or remove the file in an earlier step",
                };
        }
    }

    /// <summary>Puts a directory of a source where a directory or nothing is; it brings its own metadata.</summary>
    /// <exception cref="SolveException">Something else is in the way.</exception>
    public void PutDirectory(string path, FileNode source)
    {
        FileKind? existing = Find(path)?.Kind;
        if (existing is not (null or FileKind.Directory))
        {
            throw new SolveException($"copy directory to \"/{path}\": cannot replace a file by a directory")
            {
                Hint = "remove the file in an earlier step",
            };
        }

        Put(path, source, null, null);
        if (existing is null)
        {
            _fresh.Add(path);
        }
    }

    /// <summary>Puts anything but a directory; replaces what is there unless that is a directory.</summary>
    /// <param name="path">Where.</param>
    /// <param name="source">What.</param>
    /// <param name="content">The bytes of a regular file.</param>
    /// <param name="linkGroup">The same object for all names of one file, or null.</param>
    /// <exception cref="SolveException">A directory is in the way.</exception>
    public void PutFile(string path, FileNode source, FileContent? content, object? linkGroup)
    {
        if (IsDirectory(path))
        {
            throw new SolveException($"copy file to \"/{path}\": cannot replace a directory by a file")
            {
                Hint = "remove the directory in an earlier step, or choose another destination",
            };
        }

        Put(path, content is InlineContent ? _created.On(source) : source, content, linkGroup);
    }

    /// <summary>Makes room for something that is not of the kind of what is there (archives replace).</summary>
    public void Remove(string path)
    {
        string below = path + "/";
        foreach (string planned in _planned.Keys.Where(key => key.StartsWith(below, StringComparison.Ordinal)).ToList())
        {
            _planned.Remove(planned);
        }

        _planned.Remove(path);
        _removed.Add(path);
        _fresh.Remove(path);
    }

    /// <summary>The layer: what was put, and the directories above as the parent has them.</summary>
    public LayerPlan Finish()
    {
        foreach (string path in _planned.Keys.ToList())
        {
            Inherit(TreePath.Directory(path));
        }

        string[] paths = [.. _planned.Keys];
        Array.Sort(paths, PathEncoding.ByteOrder);
        var firstNames = new Dictionary<object, string>();
        var entries = ImmutableArray.CreateBuilder<LayerPlanEntry>(paths.Length);
        foreach (string path in paths)
        {
            PlannedFile file = _planned[path];
            string? link = file.LinkGroup is { } group && !firstNames.TryAdd(group, path) ? firstNames[group] : null;
            entries.Add(new LayerPlanEntry(path, file.Node, link is null ? file.Content : null, link));
        }

        return new LayerPlan(entries.DrainToImmutable());
    }

    /// <summary>Adds to <paramref name="writer"/> what the parent was asked and answered; call after <see cref="Finish"/>.</summary>
    public void WriteObservations(DigestWriter writer)
    {
        writer.Write(_observed.Count);
        foreach ((string path, FileNode? node) in _observed.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            writer.Write(path);
            writer.Write(node is null ? -1 : (long)node.Kind);
            writer.Write(node?.LinkTarget);
            if (node is null || !_inherited.Contains(path))
            {
                continue;
            }

            writer.Write(node.Mode);
            writer.Write(node.UserId);
            writer.Write(node.GroupId);
            writer.Write(node.ModifiedSeconds);
            writer.Write(node.ModifiedNanoseconds);
            writer.Write(node.Xattrs);
        }
    }

    private static FileNode DirectoryMadeHere() => new()
    {
        Name = "",
        Kind = FileKind.Directory,
        Mode = 0x1ED,
        UserId = 0,
        GroupId = 0,
    };

    private void Inherit(string path)
    {
        while (path.Length > 0 && !_planned.ContainsKey(path))
        {
            FileNode node = Find(path) ?? throw new InvalidOperationException($"\"{path}\" was not made");
            _planned.Add(path, new PlannedFile(node with { HardLinkKey = null }, null, null));
            _inherited.Add(path);
            path = TreePath.Directory(path);
        }
    }

    private void Put(string path, FileNode source, FileContent? content, object? linkGroup)
    {
        string name = TreePath.Name(path);
        int mode = source.Kind == FileKind.Symlink || _mode is null
            ? source.Mode
            : _mode.Apply(source.Mode, source.Kind == FileKind.Directory);
        uint user = _owner?.UserId ?? source.UserId;
        uint group = _owner?.GroupId ?? source.GroupId;

        // most files keep all of it: share the node instead of making 50,000 copies
        FileNode node = source.Name == name && source.Mode == mode && source.UserId == user && source.GroupId == group
            && source.HardLinkKey is null
            ? source
            : source with { Name = name, Mode = mode, UserId = user, GroupId = group, HardLinkKey = null };
        _planned[path] = new PlannedFile(node, content, linkGroup);
    }

    private sealed record PlannedFile(FileNode Node, FileContent? Content, object? LinkGroup);
}

/// <summary>A time of a file.</summary>
internal readonly record struct Timestamp(long Seconds, int Nanoseconds)
{
    /// <summary>A node's time.</summary>
    public static Timestamp Of(FileNode node) => new(node.ModifiedSeconds, node.ModifiedNanoseconds);

    /// <summary>The node with this time.</summary>
    public FileNode On(FileNode node) =>
        node with { ModifiedSeconds = Seconds, ModifiedNanoseconds = Nanoseconds };

    /// <summary>True when this is later.</summary>
    public bool IsAfter(Timestamp other) =>
        Seconds > other.Seconds || (Seconds == other.Seconds && Nanoseconds > other.Nanoseconds);
}

// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Builder.Frontend.Naming;
using Builder.Solver.Copying;
using Builder.Solver.Files;

namespace Builder.Solver.Tests.Copying;

/// <summary>
/// A file tree given as text, one file a line: <c>PATH [MODE] [UID:GID] [= CONTENT | -> LINK | &amp; HARDLINK]</c>; a path
/// that ends with '/' is a directory. Directories that no line names are 0755 0:0.
/// </summary>
internal sealed class MemoryTree : IArchiveTree
{
    public const long Time = 1_485_449_953;

    private readonly SortedDictionary<string, FileNode> _nodes = new(PathEncoding.ByteOrder);
    private readonly Dictionary<string, string> _contents = [];
    private readonly Dictionary<string, Absence> _absences = [];

    public MemoryTree(params string[] lines)
    {
        _nodes[""] = Directory("", 0x1ED);
        foreach (string line in lines)
        {
            Add(line);
        }
    }

    public string? Identity => null;

    public HashSet<string> Implied { get; } = [];

    public HashSet<string> Asked { get; } = [];

    public MemoryTree Hide(string path, string reason)
    {
        _absences[path] = new Absence(reason, "a hint");
        return this;
    }

    public MemoryTree Replace(string path, Func<FileNode, FileNode> change)
    {
        _nodes[path] = change(_nodes[path]);
        return this;
    }

    public FileNode? Find(string path)
    {
        Asked.Add(path);
        return _nodes.GetValueOrDefault(TreePath.Resolve(TreePath.Directory(path), FindPlain) is { } directory
            ? TreePath.Join(directory, TreePath.Name(path))
            : path);
    }

    public IReadOnlyList<FileNode> List(string directory) =>
        [.. _nodes.Where(pair => pair.Key.Length > 0 && TreePath.Directory(pair.Key) == directory).Select(pair => pair.Value)];

    public Stream Open(string path) => new MemoryStream(Encoding.UTF8.GetBytes(_contents[path]));

    public Digest ContentDigest(string path) => Digest.FromHash(SHA256.HashData(Encoding.UTF8.GetBytes(_contents[path])));

    public Absence? ExplainAbsence(string path) => _absences.GetValueOrDefault(path);

    public bool IsImplied(string path) => Implied.Contains(path);

    private static FileNode Directory(string name, int mode) => new()
    {
        Name = name,
        Kind = FileKind.Directory,
        Mode = mode,
        UserId = 0,
        GroupId = 0,
        ModifiedSeconds = Time,
    };

    private FileNode? FindPlain(string path) => _nodes.GetValueOrDefault(path);

    private void Add(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string path = words[0].TrimEnd('/');
        for (string parent = TreePath.Directory(path); !_nodes.ContainsKey(parent); parent = TreePath.Directory(parent))
        {
            _nodes.Add(parent, Directory(TreePath.Name(parent), 0x1ED));
        }

        FileNode node = Directory(TreePath.Name(path), words[0].EndsWith('/') ? 0x1ED : 0x1A4) with
        {
            Kind = words[0].EndsWith('/') ? FileKind.Directory : FileKind.Regular,
        };
        for (int i = 1; i < words.Length; i++)
        {
            switch (words[i])
            {
                case "=":
                    _contents[path] = string.Join(' ', words[(i + 1)..]).Replace("\\n", "\n", StringComparison.Ordinal);
                    node = node with { Size = _contents[path].Length };
                    i = words.Length;
                    break;
                case "->":
                    node = node with { Kind = FileKind.Symlink, LinkTarget = words[++i], Mode = 0x1FF };
                    break;
                case "&":
                    string first = words[++i];
                    _nodes[first] = _nodes[first] with { HardLinkKey = first };
                    _contents[path] = _contents.GetValueOrDefault(first, "");
                    node = _nodes[first] with { Name = node.Name };
                    break;
                case "socket":
                    node = node with { Kind = FileKind.Socket };
                    break;
                case var owner when owner.Contains(':', StringComparison.Ordinal):
                    string[] ids = owner.Split(':');
                    node = node with
                    {
                        UserId = uint.Parse(ids[0], CultureInfo.InvariantCulture),
                        GroupId = uint.Parse(ids[1], CultureInfo.InvariantCulture),
                    };
                    break;
                default:
                    node = node with { Mode = Convert.ToInt32(words[i], 8) };
                    break;
            }
        }

        if (node.Kind == FileKind.Regular)
        {
            _contents.TryAdd(path, "");
        }

        _nodes[path] = node;
    }
}

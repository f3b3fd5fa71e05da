// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using System.Text;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Operations;

namespace Builder.Solver.Tests.Building;

/// <summary>A layer, or a file system of several, in memory.</summary>
internal sealed class MemoryLayer : IFileTree
{
    private readonly SortedDictionary<string, FileNode> _nodes = new(PathEncoding.ByteOrder);
    private readonly Dictionary<string, byte[]> _contents = new(StringComparer.Ordinal);

    public MemoryLayer(string? identity = null)
    {
        Identity = identity;
        _nodes[""] = new FileNode { Name = "", Kind = FileKind.Directory, Mode = 0x1ED, UserId = 0, GroupId = 0 };
    }

    public string? Identity { get; }

    public int Reads { get; private set; }

    public IEnumerable<string> Paths => _nodes.Keys.Where(path => path.Length > 0);

    public DiffId DiffId
    {
        get
        {
            var text = new StringBuilder();
            foreach ((string path, FileNode node) in _nodes.Where(pair => pair.Key.Length > 0))
            {
                text.AppendLine($"{path} {node.Kind} {node.Mode} {node.UserId}:{node.GroupId} {node.ModifiedSeconds} "
                    + $"{node.LinkTarget} {Convert.ToHexString(_contents.GetValueOrDefault(path, []))}");
            }

            return new DiffId(Digest.FromHash(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))));
        }
    }

    public string Text(string path) => Encoding.UTF8.GetString(_contents[path]);

    public MemoryLayer Put(string path, string content, long time = 0, int mode = 0x1A4)
    {
        string directory = TreePath.Directory(path);
        for (string parent = directory; !_nodes.ContainsKey(parent); parent = TreePath.Directory(parent))
        {
            _nodes[parent] = _nodes[""] with { Name = TreePath.Name(parent) };
        }

        _contents[path] = Encoding.UTF8.GetBytes(content);
        _nodes[path] = new FileNode
        {
            Name = TreePath.Name(path),
            Kind = FileKind.Regular,
            Mode = mode,
            UserId = 0,
            GroupId = 0,
            Size = content.Length,
            ModifiedSeconds = time,
        };
        return this;
    }

    public void Add(LayerPlanEntry entry)
    {
        _nodes[entry.Path] = entry.Node with { Name = TreePath.Name(entry.Path) };
        _contents[entry.Path] = entry.Content switch
        {
            InlineContent inline => [.. inline.Bytes],
            TreeContent tree => Read(tree),
            _ => [],
        };
    }

    public void Add(MemoryLayer layer)
    {
        foreach ((string path, FileNode node) in layer._nodes)
        {
            _nodes[path] = node;
            _contents[path] = layer._contents.GetValueOrDefault(path, []);
        }
    }

    public FileNode? Find(string path) => _nodes.GetValueOrDefault(path);

    public IReadOnlyList<FileNode> List(string directory) =>
    [
        .. _nodes.Where(pair => pair.Key.Length > 0 && TreePath.Directory(pair.Key) == directory)
            .Select(pair => pair.Value),
    ];

    public Stream Open(string path) => new MemoryStream(_contents[path]);

    public Digest ContentDigest(string path)
    {
        Reads++;
        return Digest.FromHash(SHA256.HashData(_contents[path]));
    }

    public Absence? ExplainAbsence(string path) => null;

    private static byte[] Read(TreeContent content)
    {
        using Stream stream = content.Tree.Open(content.Path);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}

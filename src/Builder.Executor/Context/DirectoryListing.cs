// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Ignore;
using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Executor.Context;

/// <summary>The entries of a directory of a context as they were when it was first asked for.</summary>
internal sealed class DirectoryListing
{
    private readonly FileNode[] _nodes;
    private readonly FileStamp[] _stamps;
    private readonly Digest[] _digests;

    /// <summary>Creates a listing of entries sorted by the bytes of their names.</summary>
    public DirectoryListing(FileNode[] nodes, FileStamp[] stamps, Digest[] digests, IgnoreScope scope)
    {
        _nodes = nodes;
        _stamps = stamps;
        _digests = digests;
        Scope = scope;
    }

    /// <summary>The entries that are not ignored.</summary>
    public IReadOnlyList<FileNode> Nodes => _nodes;

    /// <summary>What the ignore patterns said of the directory.</summary>
    public IgnoreScope Scope { get; }

    /// <summary>The position of a name, or negative.</summary>
    public int IndexOf(string name)
    {
        int low = 0;
        int high = _nodes.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            int order = PathEncoding.ByteOrder.Compare(_nodes[middle].Name, name);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return -1;
    }

    /// <summary>The stamp of an entry.</summary>
    public FileStamp Stamp(int index) => _stamps[index];

    /// <summary>The digest of an entry's content, or null when it is not known yet.</summary>
    public Digest? FindDigest(int index)
    {
        lock (_digests)
        {
            return _digests[index].IsDefault ? null : _digests[index];
        }
    }

    /// <summary>Remembers the digest of an entry's content.</summary>
    public void SetDigest(int index, Digest digest)
    {
        lock (_digests)
        {
            _digests[index] = digest;
        }
    }
}

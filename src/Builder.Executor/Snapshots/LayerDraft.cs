// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Security.Cryptography;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Solver.Files;
using Builder.Solver.Images;

namespace Builder.Executor.Snapshots;

/// <summary>
/// A layer in the making, under tmp/ on the store's file system. <see cref="Commit"/> makes it a snapshot; disposing
/// without that removes it. Not thread-safe.
/// </summary>
internal sealed class LayerDraft : IDisposable
{
    private const int RootMode = 0b111_101_101;
    private const int PrivateMode = 0b111_000_000;
    private const int CopyBytes = 256 * 1024;

    private readonly SnapshotStore _snapshots;
    private readonly string _path;
    private readonly IDisposable _use;
    private bool _isDone;

    internal LayerDraft(SnapshotStore snapshots, string path, OwnershipMode mode, FileNode? root, IDisposable use)
    {
        _use = use;
        _snapshots = snapshots;
        _path = path;
        Owners = new OwnerStore(mode, Path.Combine(path, SnapshotStore.OwnersFile));
        byte[] files = PathEncoding.Encode(FilesPath);
        AtCalls.MakeDirectory(AtCalls.CurrentDirectory, files, PrivateMode);
        AtCalls.MakeDirectory(AtCalls.CurrentDirectory, PathEncoding.Encode(WorkPath), PrivateMode);
        Owners.Apply(
            AtCalls.CurrentDirectory, files,
            root is null
                ? new RecordedAttributes(FileKind.Directory, RootMode, 0, 0)
                : new RecordedAttributes(FileKind.Directory, root.Mode, root.UserId, root.GroupId));
    }

    /// <summary>The layer's root: overlay's upperdir, or where files are written.</summary>
    public string FilesPath => Path.Combine(_path, SnapshotStore.FilesDirectory);

    /// <summary>An empty directory on the same file system: overlay's workdir. It does not outlive the commit.</summary>
    public string WorkPath => Path.Combine(_path, "work");

    /// <summary>Owners of the files under <see cref="FilesPath"/>.</summary>
    public OwnerStore Owners { get; }

    /// <summary>
    /// Walks <see cref="FilesPath"/> as an overlay upper and gives identity and sizes of the layer's canonical tar; null
    /// when it holds nothing. Marks that hide nothing and excluded paths are removed from the disk on the way.
    /// </summary>
    /// <param name="below">What lies below, to know what there is to hide; null for nothing.</param>
    /// <param name="excluded">Paths that are the sandbox's own and belong to no layer; null for none.</param>
    /// <param name="cancellationToken">Stops the walk.</param>
    public LayerDigest? Digest(IFileTree? below, Func<string, bool>? excluded, CancellationToken cancellationToken)
    {
        bool IsNeeded(string path, bool hides) =>
            hides ? below?.Find(path) is not null : excluded is null || !excluded(path);

        using var tar = new LayerTarStream(
            AtCalls.Open(FilesPath, OpenFlags.DirectoryPath), new DiffWalker(Owners, IsNeeded), cancellationToken);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        long length = 0;
        int count;
        while ((count = tar.Read(buffer)) > 0)
        {
            hash.AppendData(buffer, 0, count);
            length += count;
        }

        ArrayPool<byte>.Shared.Return(buffer);
        return tar.EntryCount == 0
            ? null
            : new LayerDigest(
                new DiffId(Frontend.Naming.Digest.FromHash(hash.GetHashAndReset())),
                new LayerSize(length, tar.ContentBytes));
    }

    /// <summary>
    /// Makes it a snapshot of a canonical layer by one rename; when that snapshot is there already, this draft is dropped.
    /// The identity must be that of the files as <see cref="Digest"/> would find them.
    /// </summary>
    public void Commit(LayerDigest digest) => CommitAs(
        digest.DiffId.Value,
        new SnapshotRecord
        {
            DiffId = digest.DiffId.ToString(),
            TarBytes = digest.Size.TarBytes,
            ContentBytes = digest.Size.ContentBytes,
            IsCanonical = true,
        });

    /// <summary>Removes the draft, unless it was committed.</summary>
    public void Dispose()
    {
        if (!_isDone)
        {
            _isDone = true;
            FileTreeRemover.Remove(_path);
        }

        _use.Dispose();
    }

    /// <summary>Commits under a diffID or, for a layer that depends on what lies below, a chainID.</summary>
    internal void CommitAs(Frontend.Naming.Digest name, SnapshotRecord record)
    {
        FileTreeRemover.Remove(WorkPath);
        if (_snapshots.Publish(_path, name, record))
        {
            _isDone = true;
        }
        else
        {
            Dispose();
        }
    }
}

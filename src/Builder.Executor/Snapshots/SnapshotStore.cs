// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Text.Json;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Images;

namespace Builder.Executor.Snapshots;

/// <summary>
/// Extracted layers, one directory each, in overlayfs' form. A layer is kept under its diffID; one that can only be
/// understood on top of its parents (it leaves directories out) under its chainID. A snapshot never changes once it is
/// there (invariant 2). Thread-safe.
/// </summary>
internal sealed class SnapshotStore : IDisposable
{
    /// <summary>Holds the files, in a snapshot's directory.</summary>
    public const string FilesDirectory = "fs";

    /// <summary>Holds owners that the disk cannot, in a snapshot's directory.</summary>
    public const string OwnersFile = "owners";

    private const string RecordFile = "record";
    private const int CopyBytes = 256 * 1024;

    private readonly Store _store;
    private readonly PendingSnapshots _pending;
    private readonly Lazy<OwnershipMode> _mode = new(OwnershipModes.Detect);
    private readonly ConcurrentDictionary<Digest, SnapshotRecord> _records = new();
    private readonly ConcurrentDictionary<Digest, Lazy<MergedTree>> _trees = new();

    internal SnapshotStore(Store store, PendingSnapshots pending)
    {
        _store = store;
        _pending = pending;
    }

    /// <summary>What the disk can hold for this process.</summary>
    public OwnershipMode Ownership => _mode.Value;

    /// <summary>True when a snapshot of this layer, good on top of any stack, is there.</summary>
    public bool HasSnapshot(DiffId layer) => FindRecord(layer.Value) is not null;

    /// <summary>True when the layer's tar can be made from its snapshot.</summary>
    public bool CanMakeTar(DiffId layer) => FindRecord(layer.Value) is { IsCanonical: true };

    /// <summary>The layer's tar made from its snapshot, or null when it cannot be.</summary>
    public Stream? TryOpenTar(DiffId layer)
    {
        if (FindRecord(layer.Value) is not { IsCanonical: true } record)
        {
            return null;
        }

        string directory = PathOf(layer.Value);
        var owners = new OwnerStore(Ownership, Path.Combine(directory, OwnersFile));
        var tar = new LayerTarStream(
            AtCalls.Open(Path.Combine(directory, FilesDirectory), OpenFlags.DirectoryPath),
            new DiffWalker(owners, isNeeded: null), CancellationToken.None);
        return new VerifiedReadStream(tar, layer.Value, record.TarBytes);
    }

    /// <summary>Lengths of a layer of which a snapshot (under its diffID) is there, or null.</summary>
    public LayerSize? FindSize(DiffId layer) =>
        FindRecord(layer.Value) is { } record ? new LayerSize(record.TarBytes, record.ContentBytes) : null;

    /// <summary>Lengths of the topmost layer of a stack, or null when it has no snapshot.</summary>
    public LayerSize? FindSize(ReadOnlySpan<DiffId> stack) =>
        (FindRecord(stack[^1].Value) ?? FindRecord(LayerStack.ComputeChainId(stack))) is { } record
            ? new LayerSize(record.TarBytes, record.ContentBytes)
            : null;

    /// <summary>
    /// The snapshot directories of a stack, top first (the order of overlay's lowerdir); fetches and unpacks what is
    /// missing, several layers at once. Processes that want the same layer at the same time unpack it once.
    /// </summary>
    /// <exception cref="ContentException">A layer cannot be had, or is not what its diffID says.</exception>
    public async Task<IReadOnlyList<string>> EnsureAsync(
        LayerStack stack, ILayerFetcher? fetcher, CancellationToken cancellationToken)
    {
        using var unpacker = new LayerUnpacker(_store, this, fetcher);
        return await unpacker.EnsureAsync(stack, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Opens a file system for reading; the tree is shared and lives as long as the store.</summary>
    /// <exception cref="ContentException">A snapshot is missing: <see cref="EnsureAsync"/> was not called.</exception>
    public MergedTree Open(LayerStack stack) => _trees.GetOrAdd(
        stack.ChainId, static (_, argument) => new Lazy<MergedTree>(() => argument.This.OpenNew(argument.Stack)),
        (This: this, Stack: stack)).Value;

    /// <summary>A new layer under tmp/.</summary>
    /// <param name="parent">What it will lie on: its root directory looks like that one's. Null for nothing.</param>
    public LayerDraft BeginLayer(IFileTree? parent = null) =>
        new(this, _store.Tmp.CreateDirectory("layer"), Ownership, parent?.Find(""), _store.Use());

    /// <summary>Closes the open trees.</summary>
    public void Dispose()
    {
        foreach (Lazy<MergedTree> tree in _trees.Values.Where(tree => tree.IsValueCreated))
        {
            tree.Value.Dispose();
        }
    }

    /// <summary>Directory of the snapshot that serves as layer <paramref name="index"/> of a stack, or null.</summary>
    internal string? FindDirectory(LayerStack stack, int index)
    {
        Digest diffId = stack.Layers[index].Value;
        if (FindRecord(diffId) is not null)
        {
            return PathOf(diffId);
        }

        Digest chainId = LayerStack.ComputeChainId(stack.Layers.AsSpan()[..(index + 1)]);
        return FindRecord(chainId) is not null ? PathOf(chainId) : null;
    }

    /// <summary>Moves a finished draft to its place; false when there is such a snapshot already.</summary>
    internal bool Publish(string draft, Digest name, SnapshotRecord record)
    {
        if (FindRecord(name) is not null)
        {
            return false;
        }

        File.WriteAllBytes(
            Path.Combine(draft, RecordFile),
            JsonSerializer.SerializeToUtf8Bytes(record, StoreJson.Default.SnapshotRecord));
        _pending.Mark(name.Hex);
        byte[] target = PathEncoding.Encode(PathOf(name));
        if (AtCalls.RawRename(
            AtCalls.CurrentDirectory, PathEncoding.Encode(draft), AtCalls.CurrentDirectory, target, 0))
        {
            return true;
        }

        return AtCalls.LastError() is Errno.ENOTEMPTY or Errno.EEXIST
            ? false
            : throw AtCalls.Failure("publish snapshot", AtCalls.CurrentDirectory, target);
    }

    /// <summary>The names of all snapshots.</summary>
    internal IEnumerable<Digest> List() =>
        Directory.EnumerateDirectories(Path.Combine(_store.Root, "snapshots"))
            .Select(path => Digest.TryParse("sha256:" + Path.GetFileName(path), out Digest digest) ? digest : default)
            .Where(digest => !digest.IsDefault);

    /// <summary>Removes a snapshot.</summary>
    internal void Remove(Digest name)
    {
        _records.TryRemove(name, out _);
        _store.Tmp.Discard(PathOf(name));
    }

    /// <summary>A digest over the files of a snapshot's or draft's directory: that of their canonical tar.</summary>
    internal (Digest Digest, long TarBytes) DigestFiles(string directory, CancellationToken cancellationToken)
    {
        var owners = new OwnerStore(Ownership, Path.Combine(directory, OwnersFile));
        using var tar = new DigestingReadStream(new LayerTarStream(
            AtCalls.Open(Path.Combine(directory, FilesDirectory), OpenFlags.DirectoryPath),
            new DiffWalker(owners, isNeeded: null), cancellationToken));
        tar.CopyTo(Stream.Null, CopyBytes);
        return (tar.Finish().Value, tar.Position);
    }

    /// <summary>What is remembered of a snapshot; null when there is none or its record is damaged.</summary>
    internal SnapshotRecord? FindRecord(Digest name)
    {
        if (_records.TryGetValue(name, out SnapshotRecord? known))
        {
            return known;
        }

        try
        {
            SnapshotRecord? record = JsonSerializer.Deserialize(
                File.ReadAllBytes(Path.Combine(PathOf(name), RecordFile)), StoreJson.Default.SnapshotRecord);
            if (record is not null)
            {
                _records.TryAdd(name, record);
            }

            return record;
        }
        catch (Exception failure) when (failure is IOException or JsonException)
        {
            return null;
        }
    }

    private MergedTree OpenNew(LayerStack stack)
    {
        var directories = new List<string>();
        for (int i = stack.Layers.Length - 1; i >= 0; i--)
        {
            directories.Add(FindDirectory(stack, i) ?? throw new ContentException(
                ContentFailure.NotFound, $"open file system {stack.ChainId}: layer {stack.Layers[i]} is not unpacked"));
        }

        return new MergedTree(stack.ChainId.ToString(), directories, Ownership);
    }

    /// <summary>Directory of a snapshot, whether it exists or not.</summary>
    internal string PathOf(Digest name) => Path.Combine(_store.Root, "snapshots", name.Hex);
}

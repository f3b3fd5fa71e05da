// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Images;

namespace Builder.Executor.Snapshots;

/// <summary>
/// The root file system of a step where nothing can be mounted: a plain directory under tmp/ that holds what an overlay
/// of the parent's snapshots would show. Disposing removes it. Not thread-safe.
/// </summary>
internal sealed class CopiedRoot : IDisposable
{
    private const int PrivateMode = 0b111_000_000;

    private readonly Store _store;
    private readonly string _path;
    private readonly FileDescriptor _root;
    private TreeRecord? _record;

    private CopiedRoot(Store store)
    {
        _store = store;
        _path = store.Tmp.CreateDirectory("root");
        AtCalls.MakeDirectory(AtCalls.CurrentDirectory, Solver.Files.PathEncoding.Encode(FilesPath), PrivateMode);
        _root = AtCalls.Open(FilesPath, OpenFlags.DirectoryPath);
        Owners = new OwnerStore(store.Snapshots.Ownership, Path.Combine(_path, SnapshotStore.OwnersFile));
    }

    /// <summary>The tree.</summary>
    public string FilesPath => Path.Combine(_path, SnapshotStore.FilesDirectory);

    /// <summary>The tree, held.</summary>
    public FileDescriptor Root => _root;

    /// <summary>Keeps owners that the disk cannot. A ledger of a step that runs here writes to it.</summary>
    public OwnerStore Owners { get; }

    /// <summary>What the tree holds, or will when the layers that <see cref="CollectChanges"/> emptied it of are put back.</summary>
    public LayerStack Content { get; private set; } = LayerStack.Empty;

    /// <summary>How many of <see cref="Content"/>'s layers are in the tree; the rest must be put on top.</summary>
    private int Applied { get; set; }

    /// <summary>Copies a file system whose snapshots are there.</summary>
    public static CopiedRoot Create(Store store, LayerStack content, CancellationToken cancellationToken)
    {
        var root = new CopiedRoot(store);
        try
        {
            if (!content.IsEmpty)
            {
                MergedTree tree = store.Snapshots.Open(content);
                new TreeMaterializer(root._root, root.Owners, cancellationToken)
                    .WriteDirectory(tree, tree.FindStored("")!, "");
            }
            else
            {
                AtCalls.Chmod(AtCalls.CurrentDirectory, Solver.Files.PathEncoding.Encode(root.FilesPath), 0b111_101_101);
            }

            root.Content = content;
            root.Applied = content.Layers.Length;
            return root;
        }
        catch
        {
            root.Dispose();
            throw;
        }
    }

    /// <summary>Makes it hold a file system of which <see cref="Content"/> is the lower part, and records its state.</summary>
    public void Prepare(LayerStack content, CancellationToken cancellationToken)
    {
        if (Applied < content.Layers.Length)
        {
            var materializer = new TreeMaterializer(_root, Owners, cancellationToken);
            for (; Applied < content.Layers.Length; Applied++)
            {
                string snapshot = _store.Snapshots.FindDirectory(content, Applied)
                    ?? throw new ContentException(
                        ContentFailure.NotFound, $"make a root file system: layer {content.Layers[Applied]} is not unpacked");
                using FileDescriptor layer = AtCalls.Open(
                    Path.Combine(snapshot, SnapshotStore.FilesDirectory), OpenFlags.DirectoryPath);
                materializer.Apply(
                    layer, new OwnerStore(Owners.Mode, Path.Combine(snapshot, SnapshotStore.OwnersFile)));
            }
        }

        Content = content;
        Record();
    }

    /// <summary>Says that what the tree holds now is its parent's: changes count from here.</summary>
    public void Record()
    {
        using FileDescriptor probes = AtCalls.Open(_path, OpenFlags.DirectoryPath);
        _record = TreeRecord.Take(_root, probes);
    }

    /// <summary>
    /// Moves what has changed since <see cref="Prepare"/> into a draft, in overlay's upper form. All processes that could
    /// write to the tree must be gone.
    /// </summary>
    /// <param name="draft">The draft, on this store.</param>
    /// <param name="below">The parent, <see cref="Content"/>; null for nothing.</param>
    /// <param name="foreign">Inodes put into the tree that belong to no layer; they are removed wherever they are.</param>
    /// <param name="cancellationToken">Stops the walk.</param>
    public void CollectChanges(
        LayerDraft draft, MergedTree? below, IReadOnlySet<ulong> foreign, CancellationToken cancellationToken) =>
        ChangeCollector.Collect(
            _root, _record ?? throw new InvalidOperationException("the tree was not prepared"), below, Owners, draft,
            foreign, cancellationToken);

    /// <summary>Says that the layer collected from it was committed: the tree stands for the parent with it on top.</summary>
    public void MoveOn(LayerStack content) => Content = content;

    /// <inheritdoc/>
    public void Dispose()
    {
        _root.Dispose();
        FileTreeRemover.Remove(_path);
    }
}

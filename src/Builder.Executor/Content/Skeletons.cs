// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.FileSystem;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;
using Builder.Solver;
using Builder.Solver.Files;
using Builder.Solver.Images;

namespace Builder.Executor.Content
{
    /// <summary>Blobs by digest. A blob is verified on its way in and appears by one rename. Layers that exist only as
    /// snapshots are read as if they were blobs under their diffID.</summary>
    public sealed class BlobStore
    {
        /// <summary>True when the blob can be read, as a file or from a snapshot.</summary>
        public bool Contains(Digest digest) => throw new NotImplementedException();

        /// <summary>Length of a blob, or null when it is not there.</summary>
        public long? FindSize(Digest digest) => throw new NotImplementedException();

        /// <summary>Opens a blob for reading.</summary>
        public Stream Open(Digest digest) => throw new NotImplementedException();

        /// <summary>Opens a blob for reading, or null.</summary>
        public Stream? TryOpen(Digest digest) => throw new NotImplementedException();

        /// <summary>Reads and verifies a small blob, or null when it is not there.</summary>
        public byte[]? TryReadAll(Digest digest, int maxBytes) => throw new NotImplementedException();

        /// <summary>Stores bytes.</summary>
        public Digest Put(ReadOnlySpan<byte> content) => throw new NotImplementedException();

        /// <summary>Stores what a stream gives, verified against the digest and (unless negative) the size.</summary>
        public Task PutAsync(Stream content, Digest expected, long size, CancellationToken cancellationToken) => throw new NotImplementedException();

        /// <summary>Begins a blob of which the digest is known at the end.</summary>
        public BlobWriter BeginWrite() => throw new NotImplementedException();

        /// <summary>Path of a blob that is a file, whether it exists or not.</summary>
        public string PathOf(Digest digest) => throw new NotImplementedException();
    }

    /// <summary>A blob on its way in; disposing without <see cref="Commit"/> drops it.</summary>
    public sealed class BlobWriter : MemoryStream
    {
        /// <summary>Verifies and publishes; returns the digest.</summary>
        public Digest Commit(Digest? expected = null, long? expectedSize = null) => throw new NotImplementedException();
    }

    /// <summary>Names of images: full reference to the digest of a manifest or index.</summary>
    public sealed class ReferenceStore
    {
        /// <summary>What a name means, or null.</summary>
        public Digest? Find(ImageReference name) => throw new NotImplementedException();

        /// <summary>Makes a name mean something, atomically; gives what it meant before.</summary>
        public Digest? Set(ImageReference name, Digest target) => throw new NotImplementedException();

        /// <summary>Removes a name; false when there is none.</summary>
        public bool Remove(ImageReference name) => throw new NotImplementedException();

        /// <summary>All names, sorted.</summary>
        public IReadOnlyList<(ImageReference Name, Digest Target)> List() => throw new NotImplementedException();
    }

    /// <summary>Which blobs hold which layers: diffID to descriptors.</summary>
    public sealed class LayerIndex
    {
        /// <summary>Known forms of a layer.</summary>
        /// <param name="layer">The layer.</param>
        /// <param name="verifiedOnly">Only those of which the content was seen to be the layer; the others are what an image says.</param>
        public IReadOnlyList<Descriptor> Find(DiffId layer, bool verifiedOnly) => throw new NotImplementedException();

        /// <summary>Records a form of a layer.</summary>
        public void Add(DiffId layer, Descriptor blob, bool verified) => throw new NotImplementedException();
    }

    /// <summary>Advisory locks between processes and between tasks of one.</summary>
    public sealed class StoreLocks
    {
        /// <summary>Waits for a lock; disposing gives it back.</summary>
        public Task<IDisposable> AcquireAsync(string name, CancellationToken cancellationToken) => throw new NotImplementedException();

        /// <summary>Takes a lock, or null when somebody has it.</summary>
        public IDisposable? TryAcquire(string name) => throw new NotImplementedException();
    }

    /// <summary>This process' own directory under tmp/.</summary>
    public sealed class TemporaryFiles
    {
        /// <summary>Makes a new empty directory (0700) and gives its absolute path.</summary>
        public string CreateDirectory(string purpose) => throw new NotImplementedException();

        /// <summary>An absolute path for a new file; nothing is made.</summary>
        public string NewPath(string purpose) => throw new NotImplementedException();
    }
}

namespace Builder.Executor.Layers
{

    /// <summary>One entry of a layer's tar.</summary>
    internal sealed record LayerEntry
    {
        /// <summary>Path in bytes, relative, no leading or trailing slash.</summary>
        public required byte[] Path { get; init; }

        /// <summary>What it is; hard links have the kind of their target.</summary>
        public required FileKind Kind { get; init; }

        /// <summary>Permission, set-id, sticky bits.</summary>
        public required int Mode { get; init; }

        /// <summary>Owner.</summary>
        public uint UserId { get; init; }

        /// <summary>Group.</summary>
        public uint GroupId { get; init; }

        /// <summary>Length of content.</summary>
        public long Size { get; init; }

        /// <summary>Seconds.</summary>
        public long ModifiedSeconds { get; init; }

        /// <summary>Nanoseconds.</summary>
        public int ModifiedNanoseconds { get; init; }

        /// <summary>Text of a symbolic link.</summary>
        public byte[]? LinkTarget { get; init; }

        /// <summary>Path of the earlier entry of which this is another name.</summary>
        public byte[]? HardLinkTo { get; init; }

        /// <summary>Device numbers.</summary>
        public uint DeviceMajor { get; init; }

        /// <summary>Device numbers.</summary>
        public uint DeviceMinor { get; init; }

        /// <summary>Attributes.</summary>
        public ImmutableArray<ExtendedAttribute> Xattrs { get; init; } = [];

        /// <summary>From the solver's form.</summary>
        public static LayerEntry From(string path, FileNode node, string? hardLinkTo = null) => throw new NotImplementedException();
    }

    /// <summary>Writes canonical layer tars (docs/layers.md): same entries, same bytes. Not thread-safe.</summary>
    internal sealed class LayerTarWriter(Stream output)
    {
        /// <summary>Writes the header of the next entry; paths in ascending order of bytes. For a regular file exactly
        /// <c>Size</c> bytes must follow by <see cref="WriteContent"/>.</summary>
        public void WriteEntry(LayerEntry entry) => output.Flush();

        /// <summary>Writes bytes of the entry's content.</summary>
        public void WriteContent(ReadOnlySpan<byte> content) => throw new NotImplementedException();

        /// <summary>Ends the archive; the stream stays open.</summary>
        public void Finish() => throw new NotImplementedException();
    }

    /// <summary>A sink for a layer's tar: gives diffID and length.</summary>
    internal sealed class LayerDigester : MemoryStream
    {
        /// <summary>The digest of what was written.</summary>
        public DiffId Finish() => throw new NotImplementedException();
    }
}

namespace Builder.Executor.Snapshots
{

    /// <summary>Extracted layers.</summary>
    internal sealed class SnapshotStore
    {
        /// <summary>True when a snapshot of this layer (as part of any stack) is there.</summary>
        public bool HasSnapshot(DiffId layer) => throw new NotImplementedException();

        /// <summary>The snapshot directories of a stack, top first (overlay's lowerdir order); fetches and unpacks what
        /// is missing.</summary>
        public Task<IReadOnlyList<string>> EnsureAsync(LayerStack stack, ILayerFetcher? fetcher, CancellationToken cancellationToken) => throw new NotImplementedException();

        /// <summary>Opens a file system for reading; all its snapshots must be there.</summary>
        public IFileTree Open(LayerStack stack) => throw new NotImplementedException();

        /// <summary>A new layer in the store's tmp/.</summary>
        public LayerDraft BeginLayer() => throw new NotImplementedException();

        /// <summary>Size of a layer's tar and the sum of its file sizes, or null when there is no snapshot.</summary>
        public LayerSize? FindSize(DiffId layer) => throw new NotImplementedException();
    }

    /// <summary>Lengths of a layer.</summary>
    /// <param name="TarBytes">Of the uncompressed tar.</param>
    /// <param name="ContentBytes">Sum of the lengths of its regular files.</param>
    internal readonly record struct LayerSize(long TarBytes, long ContentBytes);

    /// <summary>A layer in the making; disposing without <see cref="Commit"/> removes it.</summary>
    internal sealed class LayerDraft : IDisposable
    {
        /// <summary>The layer's root: overlay's upperdir, or where files are written.</summary>
        public string FilesPath => throw new NotImplementedException();

        /// <summary>An empty directory on the same file system: overlay's workdir.</summary>
        public string WorkPath => throw new NotImplementedException();

        /// <summary>Owners of the files under <see cref="FilesPath"/>.</summary>
        public OwnerStore Owners => throw new NotImplementedException();

        /// <summary>Walks <see cref="FilesPath"/> as an overlay upper and gives the identity and sizes of the layer's
        /// canonical tar; null when there are no changes.</summary>
        /// <param name="below">What lies below, to drop whiteouts of nothing; null for nothing.</param>
        /// <param name="excluded">Paths that are the sandbox's own and belong to no layer; null for none.</param>
        /// <param name="cancellationToken">Cancels.</param>
        public LayerDigest? Digest(IFileTree? below, Func<string, bool>? excluded, CancellationToken cancellationToken) => throw new NotImplementedException();

        /// <summary>Makes it a snapshot by one rename; when it is there already, this one is dropped.</summary>
        public void Commit(LayerDigest digest) => throw new NotImplementedException();

        /// <inheritdoc/>
        public void Dispose()
        {
        }
    }

    /// <summary>What a finished layer is.</summary>
    internal readonly record struct LayerDigest(DiffId DiffId, LayerSize Size);
}

namespace Builder.Executor.Images
{
    /// <summary>An image of the local store.</summary>
    public sealed record StoredImage
    {
        /// <summary>The image id: the config's digest.</summary>
        public required Digest Id { get; init; }

        /// <summary>Its manifest.</summary>
        public required Descriptor Manifest { get; init; }

        /// <summary>Its config.</summary>
        public required ImageConfig Config { get; init; }

        /// <summary>Names that mean it.</summary>
        public ImmutableArray<ImageReference> Names { get; init; } = [];

        /// <summary>REPOSITORY@DIGEST under which registries know it.</summary>
        public ImmutableArray<string> RepoDigests { get; init; } = [];
    }

    /// <summary>What a commit made.</summary>
    /// <param name="Target">The manifest, or the index when there are several platforms: what the names mean now.</param>
    /// <param name="Images">The images in the order given.</param>
    public sealed record CommittedImage(Descriptor Target, ImmutableArray<StoredImage> Images);

    /// <summary>One line of what a removal did: "Untagged: x" or "Deleted: sha256:x".</summary>
    public sealed record RemovedItem(bool Deleted, string Subject);

    /// <summary>Images of the local store: named, resolved, removed as docker does. Thread-safe.</summary>
    public sealed class ImageStore
    {
        /// <summary>Writes config, manifest (and index) of built images and gives them their names. Durable on return.</summary>
        public CommittedImage Commit(IReadOnlyList<PlatformImage> images, IReadOnlyList<ImageReference> names) => throw new NotImplementedException();

        /// <summary>Registers an image of which manifest and config are in the blobs already (pull, load).</summary>
        /// <param name="manifest">Its manifest.</param>
        /// <param name="names">Names that shall mean it.</param>
        /// <param name="repoDigests">REPOSITORY@DIGEST under which a registry knows it (the index' digest for an index).</param>
        public StoredImage Add(Descriptor manifest, IReadOnlyList<ImageReference> names, IReadOnlyList<string> repoDigests) => throw new NotImplementedException();

        /// <summary>Finds an image by name, REPOSITORY@DIGEST, id or unique id prefix; null when there is none.</summary>
        /// <param name="nameOrId">As the user wrote it.</param>
        /// <param name="platform">Which image of an index; null for this machine's.</param>
        public StoredImage? Find(string nameOrId, Platform? platform = null) => throw new NotImplementedException();

        /// <summary>All images, newest first.</summary>
        public IReadOnlyList<StoredImage> List() => throw new NotImplementedException();

        /// <summary>Gives an image one more name.</summary>
        public void Tag(string nameOrId, ImageReference name) => throw new NotImplementedException();

        /// <summary>Removes a name, and the image with its last one; an id removes all its names when forced.</summary>
        /// <param name="nameOrId">As the user wrote it.</param>
        /// <param name="force">Also when it has several names or <paramref name="usedBy"/> says something.</param>
        /// <param name="usedBy">Who uses the image ("container 1234abcd"), or null for nobody.</param>
        public IReadOnlyList<RemovedItem> Remove(string nameOrId, bool force, Func<StoredImage, string?> usedBy) => throw new NotImplementedException();

        /// <summary>The config as it is stored.</summary>
        public byte[] ReadConfig(StoredImage image) => throw new NotImplementedException();

        /// <summary>The manifest.</summary>
        public Manifest ReadManifest(StoredImage image) => throw new NotImplementedException();

        /// <summary>Sum of the sizes of its layers: file sizes where they are unpacked, else of the blobs.</summary>
        public long SizeOf(StoredImage image) => throw new NotImplementedException();

        /// <summary>Size of one of its layers, counted from the lowest, by the same rule.</summary>
        public long SizeOfLayer(StoredImage image, int index) => throw new NotImplementedException();
    }
}

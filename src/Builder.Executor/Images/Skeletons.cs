// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;
using Builder.Solver;
using Builder.Solver.Images;

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
        internal ImageStore(Store store) => _ = store;

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

namespace Builder.Executor.Images
{
    /// <summary>What is remembered of an image.</summary>
    internal sealed record ImageRecord
    {
        /// <summary>Manifest.</summary>
        public required Descriptor Manifest { get; init; }
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Executor.Oci;
using Builder.Executor.Steps;
using Builder.Frontend.Naming;

namespace Builder.Executor.RemoteCache.Mounts;

/// <summary>
/// Brings the content of a cache mount to a cache and back: as a tar with owners, modes and attributes, cut into chunks,
/// of which only those go over the line that are not there yet.
/// </summary>
internal static class MountPacker
{
    /// <summary>Sends the content of a mount; what the index of before names is there already.</summary>
    /// <param name="mount">The directory of the mount in the store.</param>
    /// <param name="ownership">What the disk can hold.</param>
    /// <param name="storage">Where to.</param>
    /// <param name="before">The index that the cache has until now, or null.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="ContentException">It is too large, holds a name that no tar of a layer can carry, or changed
    /// while it was read.</exception>
    public static async Task<CachedMount> SendAsync(
        string mount, OwnershipMode ownership, CacheStorage storage, MountIndex? before, CancellationToken cancellationToken)
    {
        string files = CacheMounts.FilesOf(mount);
        OwnerStore owners = new(ownership, CacheMounts.OwnersOf(mount));
        FileStatus status = AtCalls.Stat(AtCalls.CurrentDirectory, Solver.Files.PathEncoding.Encode(files));
        RecordedAttributes root = owners.Read(AtCalls.CurrentDirectory, Solver.Files.PathEncoding.Encode(files), status);
        Dictionary<Digest, MountChunk> known = (before?.Chunks ?? [])
            .DistinctBy(chunk => chunk.Content).ToDictionary(chunk => chunk.Content);
        ConcurrentDictionary<int, MountChunk> chunks = new();
        long total = 0;
        using (LayerTarStream tar = new(
            AtCalls.Open(files, OpenFlags.DirectoryPath), new DiffWalker(owners, isNeeded: null), cancellationToken))
        {
            await Parallel.ForEachAsync(
                ContentChunker.Cut(tar),
                new ParallelOptions { MaxDegreeOfParallelism = MountLimits.Parallelism, CancellationToken = cancellationToken },
                async (piece, token) =>
                {
                    using (piece)
                    {
                        if (Interlocked.Add(ref total, piece.Bytes.Length) > MountLimits.MaxTarBytes)
                        {
                            throw new ContentException(
                                ContentFailure.TooLarge, $"it holds more than {MountLimits.MaxTarBytes >> 30} GiB");
                        }

                        chunks[piece.Index] = await SendAsync(piece, known, storage, token).ConfigureAwait(false);
                    }
                }).ConfigureAwait(false);
        }

        MountIndex index = new()
        {
            Mode = root.Mode,
            UserId = root.UserId,
            GroupId = root.GroupId,
            Chunks = [.. chunks.OrderBy(chunk => chunk.Key).Select(chunk => chunk.Value)],
        };
        byte[] bytes = index.Encode();
        Descriptor blob = CacheArtifact.DescriptorOf(CacheArtifact.MountIndexType, bytes);
        await storage.SendBlobAsync(blob, bytes, cancellationToken).ConfigureAwait(false);
        return new CachedMount(Path.GetFileName(mount), blob) { Chunks = [.. index.Chunks.Select(chunk => chunk.Blob)] };
    }

    /// <summary>Reads the index of a mount.</summary>
    public static async Task<MountIndex> ReadIndexAsync(
        CachedMount mount, CacheStorage storage, string subject, CancellationToken cancellationToken) =>
        mount.Index.Size is > 0 and <= CacheArtifact.MaxSmallBlobBytes
            ? MountIndex.Decode(await storage.ReadBlobAsync(mount.Index, cancellationToken).ConfigureAwait(false), subject)
            : throw new ContentException(ContentFailure.TooLarge, $"{subject}: the index is larger than 32 MiB");

    /// <summary>Unpacks the content of a mount into a new directory of the store that nobody else knows yet.</summary>
    public static async Task ReceiveAsync(
        CachedMount mount, CacheStorage storage, string draft, OwnershipMode ownership, string subject,
        CancellationToken cancellationToken)
    {
        MountIndex index = await ReadIndexAsync(mount, storage, subject, cancellationToken).ConfigureAwait(false);
        OwnerStore owners = new(ownership, CacheMounts.OwnersOf(draft));
        string files = CacheMounts.FilesOf(draft);
        await Task.Factory.StartNew(
            () =>
            {
                using ChunkReadStream tar = new(index, storage, subject, cancellationToken);
                using LayerDirectory target = new(files, owners);
                using LayerApplier applier = new(target, below: null);
                applier.Apply(tar, cancellationToken);
            },
            cancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).ConfigureAwait(false);
        owners.Apply(
            AtCalls.CurrentDirectory, Solver.Files.PathEncoding.Encode(files),
            new RecordedAttributes(Solver.Files.FileKind.Directory, index.Mode, index.UserId, index.GroupId));
    }

    private static async Task<MountChunk> SendAsync(
        ContentChunk piece, Dictionary<Digest, MountChunk> known, CacheStorage storage, CancellationToken cancellationToken)
    {
        Digest content = Digest.FromHash(SHA256.HashData(piece.Bytes.Span));
        if (known.TryGetValue(content, out MountChunk? there))
        {
            return there;
        }

        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(piece.Bytes.Span);
        }

        byte[] bytes = packed.ToArray();
        Descriptor blob = CacheArtifact.DescriptorOf(CacheArtifact.MountChunkType, bytes);
        await storage.SendBlobAsync(blob, bytes, cancellationToken).ConfigureAwait(false);
        return new MountChunk(content, piece.Bytes.Length, blob);
    }
}

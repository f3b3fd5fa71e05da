// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Security.Cryptography;
using Builder.Executor.Interop;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Images;

namespace Builder.Executor.Content;

/// <summary>
/// Blobs by digest. A blob is verified on its way in and appears by one rename (invariant 1). A layer that exists only
/// as a snapshot is read as if it were a blob under its diffID: its tar is made again, with the same bytes. Thread-safe.
/// </summary>
public sealed class BlobStore
{
    private const int CopyBytes = 256 * 1024;

    private readonly Store _store;

    internal BlobStore(Store store)
    {
        _store = store;
        FilesPath = Path.Combine(store.Root, "blobs", "sha256");
    }

    /// <summary>The directory in which blobs that are files have their digits as names.</summary>
    internal string FilesPath { get; }

    /// <summary>True when the blob can be read, as a file or from a snapshot.</summary>
    public bool Contains(Digest digest) => IsFile(digest) || _store.Snapshots.CanMakeTar(new DiffId(digest));

    /// <summary>True when the blob is a file of its own.</summary>
    public bool IsFile(Digest digest) => File.Exists(PathOf(digest));

    /// <summary>Length of a blob, or null when it is not there.</summary>
    public long? FindSize(Digest digest) =>
        AtCalls.TryStat(AtCalls.CurrentDirectory, PathEncoding.Encode(PathOf(digest)), out FileStatus status)
            ? status.Size
            : _store.Snapshots.CanMakeTar(new DiffId(digest)) ? _store.Snapshots.FindSize(new DiffId(digest))?.TarBytes : null;

    /// <summary>Opens a blob for reading.</summary>
    /// <exception cref="ContentException">It is not there.</exception>
    public Stream Open(Digest digest) => TryOpen(digest)
        ?? throw new ContentException(ContentFailure.NotFound, $"read blob {digest}: it is not in the store");

    /// <summary>Opens a blob for reading, or null. Its bytes are those that were verified when it came in.</summary>
    public Stream? TryOpen(Digest digest) =>
        AtCalls.TryOpen(AtCalls.CurrentDirectory, PathEncoding.Encode(PathOf(digest)), OpenFlags.ReadOnly) is { } file
            ? new DescriptorStream(file, canWrite: false)
            : _store.Snapshots.TryOpenTar(new DiffId(digest));

    /// <summary>Reads and verifies a small blob, or null when it is not there.</summary>
    /// <exception cref="ContentException">It is longer than <paramref name="maxBytes"/>, or damaged.</exception>
    public byte[]? TryReadAll(Digest digest, int maxBytes)
    {
        string path = PathOf(digest);
        if (!AtCalls.TryStat(AtCalls.CurrentDirectory, PathEncoding.Encode(path), out FileStatus status))
        {
            return null;
        }

        if (status.Size > maxBytes)
        {
            throw new ContentException(
                ContentFailure.TooLarge, $"read blob {digest}: it has {status.Size} bytes, the limit is {maxBytes}");
        }

        byte[] content = File.ReadAllBytes(path);
        return Digest.FromHash(SHA256.HashData(content)) == digest
            ? content
            : throw new ContentException(
                ContentFailure.DigestMismatch, $"read blob {digest}: the file is damaged")
            {
                Hint = $"remove {path} and pull or build the image again",
            };
    }

    /// <summary>Stores bytes; durable on return.</summary>
    public Digest Put(ReadOnlySpan<byte> content)
    {
        Digest digest = Digest.FromHash(SHA256.HashData(content));
        if (!IsFile(digest))
        {
            _store.Tmp.WriteAtomically(PathOf(digest), content, durable: true);
        }

        return digest;
    }

    /// <summary>Stores what a stream gives, verified against the digest and (unless negative) the size. A stream that
    /// gives more than the size is not read to its end.</summary>
    /// <exception cref="ContentException">The bytes are not those; nothing was stored.</exception>
    public async Task PutAsync(Stream content, Digest expected, long size, CancellationToken cancellationToken)
    {
        if (IsFile(expected))
        {
            return;
        }

        using BlobWriteStream writer = BeginWrite();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            int count;
            while ((count = await content.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            {
                writer.Write(buffer.AsSpan(0, count));
                if (size >= 0 && writer.Length > size)
                {
                    break;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        writer.Commit(expected, size >= 0 ? size : null);
    }

    /// <summary>Begins a blob of which the digest is known at the end.</summary>
    public BlobWriteStream BeginWrite() => new(this, _store.Tmp.NewPath("blob"));

    /// <summary>
    /// Takes over a file on the store's file system whose content its writer has verified: made durable and published by
    /// one rename.
    /// </summary>
    internal void Adopt(string path, Digest digest)
    {
        using (var file = new DescriptorStream(AtCalls.Open(path, OpenFlags.ReadOnly), canWrite: false))
        {
            file.Sync();
        }

        TemporaryFiles.Publish(path, PathOf(digest), durable: true);
    }

    /// <summary>Path of a blob that is a file, whether it exists or not.</summary>
    public string PathOf(Digest digest) => Path.Combine(FilesPath, digest.Hex);

    /// <summary>The digests of all blobs that are files.</summary>
    internal IEnumerable<Digest> List() =>
        Directory.EnumerateFiles(FilesPath)
            .Select(path => Digest.TryParse("sha256:" + Path.GetFileName(path), out Digest digest) ? digest : default)
            .Where(digest => !digest.IsDefault);

    /// <summary>Removes a blob file.</summary>
    internal void Remove(Digest digest) =>
        AtCalls.TryUnlink(AtCalls.CurrentDirectory, PathEncoding.Encode(PathOf(digest)));
}

// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using Builder.Executor.Interop;
using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Executor.Content;

/// <summary>
/// A blob on its way in: what is written goes to tmp/ and is hashed as it passes. Disposing without <see cref="Commit"/>
/// drops it. Not thread-safe.
/// </summary>
public sealed class BlobWriteStream : Stream
{
    private const int FileMode = 0b110_100_100;

    private readonly BlobStore _blobs;
    private readonly string _temporary;
    private readonly DescriptorStream _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _length;
    private bool _committed;

    internal BlobWriteStream(BlobStore blobs, string temporary)
    {
        _blobs = blobs;
        _temporary = temporary;
        _file = new DescriptorStream(
            AtCalls.Open(temporary, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, FileMode), true);
    }

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => _length;

    /// <inheritdoc/>
    public override long Position
    {
        get => _length;
        set => throw new NotSupportedException();
    }

    /// <summary>Verifies, makes durable and publishes by one rename; returns the digest.</summary>
    /// <param name="expected">What the digest must be, or null.</param>
    /// <param name="expectedSize">What the length must be, or null.</param>
    /// <exception cref="ContentException">The bytes are not what was expected; nothing was published.</exception>
    public Digest Commit(Digest? expected = null, long? expectedSize = null)
    {
        if (expectedSize is { } size && size != _length)
        {
            throw new ContentException(
                ContentFailure.SizeMismatch,
                $"store blob {expected}: it has {_length} bytes, its descriptor says {size}");
        }

        Digest digest = Builder.Frontend.Naming.Digest.FromHash(_hash.GetHashAndReset());
        if (expected is { } wanted && wanted != digest)
        {
            throw new ContentException(
                ContentFailure.DigestMismatch, $"store blob {wanted}: its content has the digest {digest}");
        }

        string path = _blobs.PathOf(digest);
        if (!File.Exists(path))
        {
            _file.Sync();
            _file.Dispose();
            TemporaryFiles.Publish(_temporary, path, durable: true);
            _committed = true;
        }

        return digest;
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _file.Write(buffer);
        _hash.AppendData(buffer);
        _length += buffer.Length;
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
            _hash.Dispose();
            if (!_committed)
            {
                AtCalls.TryUnlink(AtCalls.CurrentDirectory, PathEncoding.Encode(_temporary));
                _committed = true;
            }
        }

        base.Dispose(disposing);
    }
}

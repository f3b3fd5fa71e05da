// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Executor.Content;

/// <summary>
/// A blob on its way in: what is written goes to tmp/ and is hashed as it passes. Disposing without <see cref="Commit"/>
/// drops it. Not thread-safe.
/// </summary>
public sealed class BlobWriteStream : HashingWriteStream
{
    private const int FileMode = 0b110_100_100;

    private readonly BlobStore _blobs;
    private readonly string _temporary;
    private readonly DescriptorStream _file;
    private bool _committed;

    internal BlobWriteStream(BlobStore blobs, string temporary)
    {
        _blobs = blobs;
        _temporary = temporary;
        _file = new DescriptorStream(
            AtCalls.Open(temporary, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, FileMode), true);
    }

    /// <summary>Verifies, makes durable and publishes by one rename; returns the digest.</summary>
    /// <param name="expected">What the digest must be, or null.</param>
    /// <param name="expectedSize">What the length must be, or null.</param>
    /// <exception cref="ContentException">The bytes are not what was expected; nothing was published.</exception>
    public Digest Commit(Digest? expected = null, long? expectedSize = null)
    {
        if (expectedSize is { } size && size != Length)
        {
            throw new ContentException(
                ContentFailure.SizeMismatch,
                $"store blob {expected}: it has {Length} bytes, its descriptor says {size}");
        }

        Digest digest = FinishHash();
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
    protected override void Pass(ReadOnlySpan<byte> buffer) => _file.Write(buffer);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
            if (!_committed)
            {
                AtCalls.TryUnlink(AtCalls.CurrentDirectory, PathEncoding.Encode(_temporary));
                _committed = true;
            }
        }

        base.Dispose(disposing);
    }
}

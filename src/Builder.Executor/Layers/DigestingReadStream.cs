// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Layers;

/// <summary>Passes a layer's tar on and hashes it on the way. Owns the inner stream. Not thread-safe.</summary>
internal sealed class DigestingReadStream : Stream
{
    private readonly Stream _inner;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _length;

    /// <summary>Reads <paramref name="inner"/>.</summary>
    public DigestingReadStream(Stream inner)
    {
        _inner = inner;
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <summary>How many bytes have passed.</summary>
    public override long Position
    {
        get => _length;
        set => throw new NotSupportedException();
    }

    /// <summary>The digest of what has passed; starts anew.</summary>
    public DiffId Finish() => new(Digest.FromHash(_hash.GetHashAndReset()));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = _inner.Read(buffer);
        _hash.AppendData(buffer[..count]);
        _length += count;
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }
}

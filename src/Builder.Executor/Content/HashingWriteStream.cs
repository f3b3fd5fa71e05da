// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using Builder.Frontend.Naming;

namespace Builder.Executor.Content;

/// <summary>A stream to write only, which hashes and counts what passes. Not thread-safe.</summary>
public abstract class HashingWriteStream : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _length;

    /// <inheritdoc/>
    public sealed override bool CanRead => false;

    /// <inheritdoc/>
    public sealed override bool CanSeek => false;

    /// <inheritdoc/>
    public sealed override bool CanWrite => true;

    /// <summary>How many bytes were written.</summary>
    public sealed override long Length => _length;

    /// <inheritdoc/>
    public sealed override long Position
    {
        get => _length;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public sealed override void Write(ReadOnlySpan<byte> buffer)
    {
        Pass(buffer);
        _hash.AppendData(buffer);
        _length += buffer.Length;
    }

    /// <inheritdoc/>
    public sealed override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public sealed override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>The digest of what was written; starts anew.</summary>
    protected Digest FinishHash() => Digest.FromHash(_hash.GetHashAndReset());

    /// <summary>Takes the bytes to where they go.</summary>
    protected abstract void Pass(ReadOnlySpan<byte> buffer);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Layers;

/// <summary>
/// A sink that hashes and counts a layer's tar, and passes it on when there is somewhere to pass it to. Not thread-safe.
/// </summary>
internal sealed class LayerDigester : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Stream? _next;
    private long _length;

    /// <summary>A sink; <paramref name="next"/> gets the same bytes and stays open.</summary>
    public LayerDigester(Stream? next = null)
    {
        _next = next;
    }

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <summary>How many bytes were written.</summary>
    public override long Length => _length;

    /// <inheritdoc/>
    public override long Position
    {
        get => _length;
        set => throw new NotSupportedException();
    }

    /// <summary>The digest of what was written; starts anew.</summary>
    public DiffId Finish() => new(Digest.FromHash(_hash.GetHashAndReset()));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _hash.AppendData(buffer);
        _length += buffer.Length;
        _next?.Write(buffer);
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

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
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }
}

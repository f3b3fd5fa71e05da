// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Layers;

/// <summary>Passes a layer's tar on and hashes it on the way. Owns the inner stream. Not thread-safe.</summary>
internal sealed class DigestingReadStream : SequentialReadStream
{
    private readonly Stream _inner;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _length;

    /// <summary>Reads <paramref name="inner"/>.</summary>
    public DigestingReadStream(Stream inner)
    {
        _inner = inner;
    }

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

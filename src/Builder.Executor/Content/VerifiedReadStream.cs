// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using Builder.Frontend.Naming;

namespace Builder.Executor.Content;

/// <summary>
/// Passes a stream on and, at its end, throws when the bytes were not those that were promised. Whoever has read to the
/// end without an exception has the right bytes. Owns the inner stream.
/// </summary>
internal sealed class VerifiedReadStream : SequentialReadStream
{
    private readonly Stream _inner;
    private readonly Digest _expected;
    private readonly long _expectedLength;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _length;
    private bool _isChecked;

    /// <summary>Reads <paramref name="inner"/>; a negative length is not checked.</summary>
    public VerifiedReadStream(Stream inner, Digest expected, long expectedLength)
    {
        _inner = inner;
        _expected = expected;
        _expectedLength = expectedLength;
    }

    /// <inheritdoc/>
    public override long Length => _expectedLength;

    /// <inheritdoc/>
    public override long Position
    {
        get => _length;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = _inner.Read(buffer);
        Account(buffer[..count], buffer.Length);
        return count;
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = await _inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        Account(buffer.Span[..count], buffer.Length);
        return count;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

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

    private void Account(ReadOnlySpan<byte> bytes, int wanted)
    {
        _hash.AppendData(bytes);
        _length += bytes.Length;
        if (_expectedLength >= 0 && _length > _expectedLength)
        {
            throw new ContentException(
                ContentFailure.SizeMismatch, $"read {_expected}: there are more than the expected {_expectedLength} bytes");
        }

        if (bytes.Length > 0 || wanted == 0 || _isChecked)
        {
            return;
        }

        _isChecked = true;
        if (_expectedLength >= 0 && _length != _expectedLength)
        {
            throw new ContentException(
                ContentFailure.SizeMismatch, $"read {_expected}: {_length} bytes instead of {_expectedLength}");
        }

        Digest found = Digest.FromHash(_hash.GetHashAndReset());
        if (found != _expected)
        {
            throw new ContentException(
                ContentFailure.DigestMismatch, $"read {_expected}: the content has the digest {found}");
        }
    }
}

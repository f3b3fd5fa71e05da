// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;

namespace Builder.Executor.Layers;

/// <summary>Gives bytes that were read ahead before the rest of their stream, which it owns.</summary>
internal sealed class PrefixedStream : SequentialReadStream
{
    private readonly Stream _rest;
    private ReadOnlyMemory<byte> _prefix;
    private long _position;

    /// <summary>First <paramref name="prefix"/>, then <paramref name="rest"/>.</summary>
    public PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest)
    {
        _prefix = prefix;
        _rest = rest;
    }

    /// <summary>How many bytes were read; decoders align blocks by it.</summary>
    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = _prefix.IsEmpty ? _rest.Read(buffer) : Math.Min(buffer.Length, _prefix.Length);
        if (!_prefix.IsEmpty)
        {
            _prefix.Span[..count].CopyTo(buffer);
            _prefix = _prefix[count..];
        }

        _position += count;
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _rest.Dispose();
        }

        base.Dispose(disposing);
    }
}

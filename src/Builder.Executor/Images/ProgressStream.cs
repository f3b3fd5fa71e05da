// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Images;

/// <summary>Passes reads on and tells how many bytes there were; owns the stream below.</summary>
internal sealed class ProgressStream : Stream
{
    private readonly Stream _source;
    private readonly Action<long> _progress;
    private long _count;

    public ProgressStream(Stream source, Action<long> progress)
    {
        _source = source;
        _progress = progress;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _count;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        int count = _source.Read(buffer);
        _count += count;
        if (count > 0)
        {
            _progress(_count);
        }

        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _source.Dispose();
        }

        base.Dispose(disposing);
    }
}

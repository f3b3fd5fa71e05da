// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Interop;

/// <summary>
/// A stream over a file descriptor that it owns. Failures are <see cref="LinuxException"/>s with the path, so that a
/// full disk is reported as such wherever it happens. The asynchronous calls do their work at once: disk only.
/// </summary>
internal sealed unsafe class DescriptorStream : Stream
{
    private readonly FileDescriptor _descriptor;

    /// <summary>Takes ownership of <paramref name="descriptor"/>.</summary>
    public DescriptorStream(FileDescriptor descriptor, bool canWrite)
    {
        _descriptor = descriptor;
        CanWrite = canWrite;
    }

    /// <summary>The descriptor, still owned by this stream.</summary>
    public FileDescriptor Descriptor => _descriptor;

    /// <inheritdoc/>
    public override bool CanRead => !CanWrite;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <inheritdoc/>
    public override long Length => AtCalls.Stat(_descriptor.Value, []).Size;

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            nint count;
            do
            {
                count = Libc.Read(_descriptor.Value, start, (nuint)buffer.Length);
            }
            while (count < 0 && AtCalls.LastError() == Errno.EINTR);
            return count >= 0 ? (int)count : throw AtCalls.Failure("read", _descriptor.Value, []);
        }
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            int done = 0;
            while (done < buffer.Length)
            {
                nint count = Libc.Write(_descriptor.Value, start + done, (nuint)(buffer.Length - done));
                if (count < 0 && AtCalls.LastError() != Errno.EINTR)
                {
                    throw AtCalls.Failure("write", _descriptor.Value, []);
                }

                done += (int)Math.Max(count, 0);
            }
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Read(buffer.Span));
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

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

    /// <summary>Makes what was written durable.</summary>
    public void Sync()
    {
        if (Libc.Fsync(_descriptor.Value) != 0)
        {
            throw AtCalls.Failure("sync", _descriptor.Value, []);
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _descriptor.Dispose();
        }

        base.Dispose(disposing);
    }
}

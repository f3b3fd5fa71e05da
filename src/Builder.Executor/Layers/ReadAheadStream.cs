// SPDX-License-Identifier: Apache-2.0

using System.Threading.Channels;
using Builder.Executor.Content;

namespace Builder.Executor.Layers;

/// <summary>
/// Reads a stream on another thread, a bounded window ahead: decompression and the work on its result then share the
/// cores. Owns the inner stream. Not thread-safe.
/// </summary>
internal sealed class ReadAheadStream : SequentialReadStream
{
    private const int BufferBytes = 512 * 1024;
    private const int Window = 4;

    private readonly Stream _inner;
    private readonly Channel<(byte[] Buffer, int Length)> _full = Channel.CreateBounded<(byte[] Buffer, int Length)>(Window);
    private readonly Channel<byte[]> _empty = Channel.CreateUnbounded<byte[]>();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _reader;
    private byte[]? _current;
    private int _start;
    private int _length;

    /// <summary>Starts to read <paramref name="inner"/>.</summary>
    public ReadAheadStream(Stream inner)
    {
        _inner = inner;
        for (int i = 0; i < Window; i++)
        {
            _empty.Writer.TryWrite(new byte[BufferBytes]);
        }

        _reader = Task.Run(ReadAllAsync);
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (_start == _length && !TryAdvance())
        {
            return 0;
        }

        int count = Math.Min(buffer.Length, _length - _start);
        _current.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stop.Cancel();
            _reader.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
            _stop.Dispose();
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task ReadAllAsync()
    {
        try
        {
            while (true)
            {
                byte[] buffer = await _empty.Reader.ReadAsync(_stop.Token).ConfigureAwait(false);
                int length = _inner.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
                if (length == 0)
                {
                    break;
                }

                await _full.Writer.WriteAsync((buffer, length), _stop.Token).ConfigureAwait(false);
            }

            _full.Writer.Complete();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The reader's side throws it, where the stream is used.
            _full.Writer.Complete(failure);
        }
    }

    private bool TryAdvance()
    {
        if (_current is not null)
        {
            _empty.Writer.TryWrite(_current);
            _current = null;
        }

        _start = _length = 0;
        if (!_full.Reader.TryRead(out (byte[] Buffer, int Length) next))
        {
            try
            {
                next = _full.Reader.ReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
            }
            catch (ChannelClosedException end)
            {
                if (end.InnerException is { } failure)
                {
                    System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
                }

                return false;
            }
        }

        (_current, _length) = next;
        return true;
    }
}

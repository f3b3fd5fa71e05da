// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Context;
using Builder.Executor.Interop;
using Builder.Solver.Operations;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Steps;

/// <summary>
/// Reads a planned file's bytes by position, from a descriptor where there is one. A source that can only be read from
/// front to back makes its readers wait for their turn.
/// </summary>
internal sealed class ContentReader : IDisposable
{
    private readonly string _path;
    private readonly SafeFileHandle? _handle;
    private readonly Stream? _stream;
    private readonly object _turn = new();
    private long _position;
    private bool _failed;

    private ContentReader(string path, SafeFileHandle? handle, Stream? stream)
    {
        _path = path;
        _handle = handle;
        _stream = stream;
    }

    /// <summary>The descriptor, or null when the source is a stream only.</summary>
    public SafeFileHandle? Handle => _handle;

    /// <summary>Opens the content of an entry.</summary>
    public static ContentReader Open(string path, FileContent? content)
    {
        switch (content)
        {
            case InlineContent inline:
                return new ContentReader(path, null, new MemoryStream([.. inline.Bytes], writable: false));
            case TreeContent { Tree: IFileHandleSource source } file:
                return new ContentReader(path, source.OpenHandle(file.Path), null);
            case TreeContent file:
                Stream stream = file.Tree.Open(file.Path);
                return new ContentReader(path, (stream as FileStream)?.SafeFileHandle, stream);
            default:
                throw new InvalidOperationException($"the plan says nothing of the content of \"{path}\"");
        }
    }

    /// <summary>A reader of an open file.</summary>
    public static ContentReader Of(string path, SafeFileHandle handle) => new(path, handle, null);

    /// <summary>Lets those who wait for their turn fail: somebody before them will not come.</summary>
    public void Abandon()
    {
        lock (_turn)
        {
            _failed = true;
            Monitor.PulseAll(_turn);
        }
    }

    /// <summary>Fills the buffer from a position.</summary>
    /// <param name="offset">The position.</param>
    /// <param name="buffer">Filled whole.</param>
    /// <param name="isLast">The file must end after these bytes.</param>
    /// <exception cref="ContextException">The file is shorter, or longer.</exception>
    public void Read(long offset, Span<byte> buffer, bool isLast)
    {
        bool isWhole;
        if (_handle is not null)
        {
            isWhole = ReadAt(offset, buffer) == buffer.Length
                && (!isLast || ReadSome(_handle, stackalloc byte[1], offset + buffer.Length) == 0);
        }
        else
        {
            isWhole = ReadInTurn(offset, buffer, isLast);
        }

        if (!isWhole)
        {
            throw new ContextException(ContextFailure.Changed, $"copy to \"/{_path}\": the file changed while it was read");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stream?.Dispose();
        _handle?.Dispose();
    }

    private int ReadAt(long offset, Span<byte> buffer)
    {
        int total = 0;
        while (total < buffer.Length)
        {
            int count = ReadSome(_handle!, buffer[total..], offset + total);
            if (count == 0)
            {
                break;
            }

            total += count;
        }

        return total;
    }

    // Not RandomAccess.Read: it asks each new handle whether it can seek.
    private static unsafe int ReadSome(SafeFileHandle handle, Span<byte> buffer, long offset)
    {
        fixed (byte* start = buffer)
        {
            while (true)
            {
                nint count = Libc.ReadAt(handle.Number(), start, (nuint)buffer.Length, offset);
                if (count >= 0)
                {
                    return (int)count;
                }

                if (AtCalls.LastError() != Errno.EINTR)
                {
                    throw AtCalls.Failure("read", handle.Number(), []);
                }
            }
        }
    }

    private bool ReadInTurn(long offset, Span<byte> buffer, bool isLast)
    {
        lock (_turn)
        {
            while (_position != offset && !_failed)
            {
                Monitor.Wait(_turn);
            }

            bool isWhole = false;
            try
            {
                isWhole = !_failed
                    && _stream!.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) == buffer.Length
                    && (!isLast || _stream.ReadByte() < 0);
                return isWhole;
            }
            finally
            {
                _failed |= !isWhole;
                _position = offset + buffer.Length;
                Monitor.PulseAll(_turn);
            }
        }
    }
}

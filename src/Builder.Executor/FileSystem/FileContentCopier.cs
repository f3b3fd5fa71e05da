// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using Builder.Executor.Interop;

namespace Builder.Executor.FileSystem;

/// <summary>
/// Copies the content of regular files on one file system: shared blocks where it can (FICLONE), else
/// copy_file_range(2), else read and write; holes stay holes. What a file system refused is not tried again.
/// Thread-safe.
/// </summary>
internal sealed unsafe class FileContentCopier
{
    private const int BufferBytes = 256 * 1024;
    private const long MaxRangeBytes = 1 << 30;
    private const int BlockBytes = 512; // the unit of stx_blocks

    private volatile bool _cannotClone;
    private volatile bool _cannotCopyRange;

    /// <summary>Copies all of an open file into an open, empty one.</summary>
    /// <param name="from">Open for reading.</param>
    /// <param name="to">Open for writing.</param>
    /// <param name="status">Of the source.</param>
    public void Copy(int from, int to, in FileStatus status)
    {
        if (status.Size == 0 || TryClone(from, to))
        {
            return;
        }

        if (status.Blocks * BlockBytes >= status.Size)
        {
            CopyPiece(from, to, 0, status.Size);
            return;
        }

        long position = 0;
        while (position < status.Size)
        {
            long data = Libc.Seek(from, position, Libc.SeekData);
            if (data < 0)
            {
                if (AtCalls.LastError() != Errno.ENXIO)
                {
                    data = position; // no such seeking here: all of it is data
                }
                else
                {
                    break; // only a hole is left
                }
            }

            long hole = Libc.Seek(from, data, Libc.SeekHole);
            hole = hole < 0 ? status.Size : Math.Min(hole, status.Size);
            CopyPiece(from, to, data, hole - data);
            position = hole;
        }

        if (Libc.Truncate(to, status.Size) != 0)
        {
            throw AtCalls.Failure("set the length of", to, []);
        }
    }

    private bool TryClone(int from, int to)
    {
        if (_cannotClone)
        {
            return false;
        }

        if (Libc.IoctlInteger(to, Libc.IoctlClone, from) == 0)
        {
            return true;
        }

        _cannotClone = true;
        return false;
    }

    private void CopyPiece(int from, int to, long offset, long length)
    {
        long source = offset;
        long target = offset;
        long end = offset + length;
        while (!_cannotCopyRange && source < end)
        {
            nint count = Libc.CopyFileRange(from, &source, to, &target, (nuint)Math.Min(end - source, MaxRangeBytes), 0);
            if (count > 0)
            {
                continue;
            }

            if (count == 0)
            {
                return; // the file has become shorter
            }

            switch (AtCalls.LastError())
            {
                case Errno.EINTR:
                    continue;
                case Errno.ENOSPC or Errno.EIO:
                    throw AtCalls.Failure("copy to", to, []);
                default:
                    _cannotCopyRange = true;
                    break;
            }
        }

        if (source < end)
        {
            CopyByHand(from, to, source, end);
        }
    }

    private static void CopyByHand(int from, int to, long position, long end)
    {
        byte[] array = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            fixed (byte* buffer = array)
            {
                while (position < end)
                {
                    nint count = Libc.ReadAt(from, buffer, (nuint)Math.Min(end - position, array.Length), position);
                    if (count == 0)
                    {
                        return;
                    }

                    if (count < 0)
                    {
                        throw AtCalls.Failure("read", from, []);
                    }

                    for (nint written = 0; written < count;)
                    {
                        nint step = Libc.WriteAt(to, buffer + written, (nuint)(count - written), position + written);
                        written += step >= 0 ? step : throw AtCalls.Failure("write", to, []);
                    }

                    position += count;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(array);
        }
    }
}

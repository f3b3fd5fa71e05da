// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Interop;

namespace Builder.Executor.Layers;

/// <summary>Writes content at places of a file.</summary>
internal static unsafe class RandomAccessWriter
{
    /// <summary>Gives the next bytes; 0 at the end.</summary>
    public delegate int Source(Span<byte> buffer);

    /// <summary>Writes <paramref name="length"/> bytes of a source at an offset.</summary>
    public static void Copy(FileDescriptor file, long offset, long length, Source source, byte[] buffer)
    {
        while (length > 0)
        {
            int count = source(buffer.AsSpan(0, (int)Math.Min(buffer.Length, length)));
            if (count == 0)
            {
                throw new ContentException(ContentFailure.Malformed, "read layer: it is cut short");
            }

            Write(file, offset, buffer.AsSpan(0, count));
            offset += count;
            length -= count;
        }
    }

    /// <summary>Sets the length of a file; what was not written reads as zeros.</summary>
    public static void SetLength(FileDescriptor file, long length)
    {
        if (Libc.Truncate(file.Value, length) != 0)
        {
            throw AtCalls.Failure("set length of", file.Value, []);
        }
    }

    private static void Write(FileDescriptor file, long offset, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            int done = 0;
            while (done < bytes.Length)
            {
                nint count = Libc.WriteAt(file.Value, start + done, (nuint)(bytes.Length - done), offset + done);
                if (count < 0 && AtCalls.LastError() != Errno.EINTR)
                {
                    throw AtCalls.Failure("write", file.Value, []);
                }

                done += (int)Math.Max(count, 0);
            }
        }
    }
}

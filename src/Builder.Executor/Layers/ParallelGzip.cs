// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.IO.Compression;

namespace Builder.Executor.Layers;

/// <summary>
/// Compresses to gzip on all cores: the input is cut into members of 1 MiB, so the output depends on input and level only,
/// never on the number of cores (invariant 4). Memory is a window of a few members a core. The output stays open.
/// </summary>
internal sealed class ParallelGzip
{
    /// <summary>Length of the input of one member. Changing it changes the digests of all compressed layers.</summary>
    public const int MemberBytes = 1024 * 1024;

    /// <summary>Where the ratio stops growing faster than the time.</summary>
    public const int DefaultLevel = 3;

    // Byte 9 of a gzip header names the operating system; zlib fills in its own. 255: unknown, as Go writes.
    private const int SystemOffset = 9;
    private const byte SystemUnknown = 255;

    private readonly int _level;

    /// <summary>A compressor of a level from 0 to 9.</summary>
    public ParallelGzip(int level = DefaultLevel)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(level);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, 9);
        _level = level;
    }

    /// <summary>Compresses all of a stream; returns the length of the input.</summary>
    public long Compress(Stream input, Stream output, CancellationToken cancellationToken)
    {
        int window = (Environment.ProcessorCount * 2) + 1;
        var pending = new Queue<Task<Member>>(window);
        long length = 0;
        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                byte[] buffer = ArrayPool<byte>.Shared.Rent(MemberBytes);
                int count = input.ReadAtLeast(
                    buffer.AsSpan(0, MemberBytes), MemberBytes, throwOnEndOfStream: false);
                if (count == 0 && length > 0)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    break;
                }

                length += count;
                pending.Enqueue(Task.Run(() => CompressMember(buffer, count), CancellationToken.None));
                if (pending.Count >= window)
                {
                    WriteNext(pending, output);
                }

                if (count < MemberBytes)
                {
                    break;
                }
            }

            while (pending.Count > 0)
            {
                WriteNext(pending, output);
            }
        }
        finally
        {
            // After a failure: what still runs gives its buffers back by itself.
            pending.Clear();
        }

        return length;
    }

    private static void WriteNext(Queue<Task<Member>> pending, Stream output)
    {
        Member member = pending.Dequeue().GetAwaiter().GetResult();
        output.Write(member.Buffer, 0, member.Length);
    }

    private Member CompressMember(byte[] input, int count)
    {
        var output = new MemoryStream(count / 2);
        var options = new ZLibCompressionOptions { CompressionLevel = _level };
        using (var gzip = new GZipStream(output, options, leaveOpen: true))
        {
            gzip.Write(input, 0, count);
        }

        ArrayPool<byte>.Shared.Return(input);
        byte[] member = output.GetBuffer();
        member[SystemOffset] = SystemUnknown;
        return new Member(member, (int)output.Length);
    }

    private readonly record struct Member(byte[] Buffer, int Length);
}

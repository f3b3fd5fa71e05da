// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Builder.Executor.RemoteCache.Mounts;

/// <summary>A piece of a stream in a rented buffer; whoever gets it disposes it.</summary>
internal sealed class ContentChunk(int index, byte[] buffer, int length) : IDisposable
{
    /// <summary>Its place among the pieces.</summary>
    public int Index { get; } = index;

    /// <summary>Its bytes.</summary>
    public ReadOnlyMemory<byte> Bytes => buffer.AsMemory(0, length);

    /// <inheritdoc/>
    public void Dispose() => ArrayPool<byte>.Shared.Return(buffer);
}

/// <summary>
/// Cuts a stream where its content says so: a change moves only the cuts around it. A rolling hash of the last 64 bytes
/// decides (a "gear" hash: shift and add a random number for each byte). Source: Xia et al., "FastCDC", USENIX ATC 2016.
/// The numbers are fixed for ever, else nothing that was sent before would be found again.
/// </summary>
internal static class ContentChunker
{
    /// <summary>The upper bits: they depend on all of the last 64 bytes.</summary>
    private const ulong CutMask = ulong.MaxValue << (64 - MountLimits.AverageChunkBits);

    private static readonly ulong[] s_gear =
    [
        .. Enumerable.Range(0, 256).Select(value =>
            BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData([(byte)value]))),
    ];

    /// <summary>Cuts all of a stream; memory is two chunks beyond those that were given out.</summary>
    public static IEnumerable<ContentChunk> Cut(Stream content)
    {
        byte[] pending = ArrayPool<byte>.Shared.Rent(MountLimits.MaxChunkBytes);
        int length = 0;
        bool ended = false;
        for (int index = 0; ; index++)
        {
            while (!ended && length < MountLimits.MaxChunkBytes)
            {
                int count = content.Read(pending, length, MountLimits.MaxChunkBytes - length);
                ended = count == 0;
                length += count;
            }

            if (length == 0)
            {
                ArrayPool<byte>.Shared.Return(pending);
                yield break;
            }

            int cut = FindCut(pending.AsSpan(0, length));
            byte[] rest = ArrayPool<byte>.Shared.Rent(MountLimits.MaxChunkBytes);
            pending.AsSpan(cut, length - cut).CopyTo(rest);
            yield return new ContentChunk(index, pending, cut);
            pending = rest;
            length -= cut;
        }
    }

    private static int FindCut(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= MountLimits.MinChunkBytes)
        {
            return bytes.Length;
        }

        ulong hash = 0;
        for (int i = MountLimits.MinChunkBytes - 64; i < bytes.Length; i++)
        {
            hash = (hash << 1) + s_gear[bytes[i]];
            if ((hash & CutMask) == 0 && i >= MountLimits.MinChunkBytes)
            {
                return i + 1;
            }
        }

        return bytes.Length;
    }
}

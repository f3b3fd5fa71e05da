// SPDX-License-Identifier: Apache-2.0

using System.IO.Compression;

namespace Builder.Executor.Layers;

/// <summary>How a layer or archive is compressed.</summary>
public enum Compression
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>gzip.</summary>
    Gzip,

    /// <summary>zstd.</summary>
    Zstd,

    /// <summary>bzip2; read only.</summary>
    Bzip2,

    /// <summary>xz; read only.</summary>
    Xz,

    /// <summary>lzip; read only.</summary>
    Lzip,
}

/// <summary>Recognises compressions by their first bytes, never by a name, and reads them.</summary>
internal static class LayerCompression
{
    /// <summary>How many bytes <see cref="Detect"/> wants to see.</summary>
    public const int MagicBytes = 10;

    private const int BufferBytes = 128 * 1024;

    /// <summary>What the first bytes of a file say.</summary>
    public static Compression Detect(ReadOnlySpan<byte> start) =>
        start.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B, 0x08]) ? Compression.Gzip
        : start.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD]) || IsSkippableZstd(start) ? Compression.Zstd
        : IsBzip2(start) ? Compression.Bzip2
        : start.StartsWith((ReadOnlySpan<byte>)[0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) ? Compression.Xz
        : start.StartsWith("LZIP"u8) ? Compression.Lzip
        : Compression.None;

    /// <summary>A stream of the uncompressed content. Owns the input.</summary>
    public static Stream OpenRead(Stream input)
    {
        byte[] start = new byte[MagicBytes];
        int length = input.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        var whole = new PrefixedStream(start.AsMemory(0, length), input);
        return Detect(start.AsSpan(0, length)) switch
        {
            Compression.Gzip => new BufferedStream(new GZipStream(whole, CompressionMode.Decompress), BufferBytes),
            Compression.Zstd => new BufferedStream(
                new ZstdSharp.DecompressionStream(whole, leaveOpen: false), BufferBytes),
            Compression.Bzip2 => SharpCompress.Compressors.BZip2.BZip2Stream.Create(
                whole, SharpCompress.Compressors.CompressionMode.Decompress, decompressConcatenated: true),
            Compression.Xz => new SharpCompress.Compressors.Xz.XZStream(whole),
            Compression.Lzip => SharpCompress.Compressors.LZMA.LZipStream.Create(
                whole, SharpCompress.Compressors.CompressionMode.Decompress),
            _ => whole,
        };
    }

    // "BZh", a level, and the magic of a block or of the end.
    private static bool IsBzip2(ReadOnlySpan<byte> start) =>
        start.Length >= 10 && start.StartsWith("BZh"u8) && start[3] is >= (byte)'1' and <= (byte)'9'
        && (start[4..].StartsWith((ReadOnlySpan<byte>)[0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
            || start[4..].StartsWith((ReadOnlySpan<byte>)[0x17, 0x72, 0x45, 0x38, 0x50, 0x90]));

    private static bool IsSkippableZstd(ReadOnlySpan<byte> start) =>
        start.Length >= 4 && start[0] is >= 0x50 and <= 0x5F
        && start[1] == 0x2A && start[2] == 0x4D && start[3] == 0x18;
}

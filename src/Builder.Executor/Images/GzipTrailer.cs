// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using Builder.Executor.Content;
using Builder.Executor.Layers;
using Builder.Executor.Oci;

namespace Builder.Executor.Images;

/// <summary>Estimates how long a compressed layer is when unpacked, for listings only.</summary>
internal static class GzipTrailer
{
    private const int TrailerBytes = 4;

    /// <summary>
    /// The length that the last gzip member says (modulo 4 GiB) when that is plausible, else the blob's own length.
    /// Source: RFC 1952, ISIZE.
    /// </summary>
    public static long FindContentLength(BlobStore blobs, Descriptor blob)
    {
        string path = blobs.PathOf(blob.Digest);
        if (!File.Exists(path))
        {
            return blob.Size;
        }

        using FileStream file = File.OpenRead(path);
        Span<byte> magic = stackalloc byte[LayerCompression.MagicBytes];
        Span<byte> trailer = stackalloc byte[TrailerBytes];
        if (file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) < magic.Length
            || LayerCompression.Detect(magic) != Compression.Gzip)
        {
            return blob.Size;
        }

        file.Seek(-TrailerBytes, SeekOrigin.End);
        file.ReadExactly(trailer);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(trailer);
        return length > blob.Size ? length : blob.Size;
    }
}

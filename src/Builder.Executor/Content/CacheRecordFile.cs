// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Builder.Executor.Content;

/// <summary>
/// The file form of one cache record. It says its own key, so that a whole cache can be listed and checked, and a digest
/// over everything, so that a torn or foreign file is known as such.
/// </summary>
internal sealed record CacheRecordFile
{
    // magic 4, absolute expiration in Unix milliseconds 8 (0: never), sliding expiration in milliseconds 8 (0: none),
    // length of the key 4, SHA-256 of everything else 32, key, value.
    private const int SlidingOffset = 4 /* magic */ + 8 /* absolute */;
    private const int LengthOffset = SlidingOffset + 8 /* sliding */;
    private const int HashOffset = LengthOffset + 4 /* length of the key */;
    private const int KeyOffset = HashOffset + SHA256.HashSizeInBytes;

    /// <summary>How many bytes a file has beyond key and value.</summary>
    public const int HeaderBytes = KeyOffset;

    /// <summary>The name of the record.</summary>
    public required string Key { get; init; }

    /// <summary>What was recorded.</summary>
    public required ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>When it ends, in Unix milliseconds; 0 for never.</summary>
    public required long AbsoluteExpiration { get; init; }

    /// <summary>How long it lives after its last use, in milliseconds; 0 for ever.</summary>
    public required long SlidingExpiration { get; init; }

    private static ReadOnlySpan<byte> Magic => "BLC2"u8;

    /// <summary>Makes the bytes of a file.</summary>
    public byte[] Encode()
    {
        byte[] key = Encoding.UTF8.GetBytes(Key);
        byte[] file = new byte[KeyOffset + key.Length + Value.Length];
        Magic.CopyTo(file);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(Magic.Length), AbsoluteExpiration);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(SlidingOffset), SlidingExpiration);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(LengthOffset), key.Length);
        key.CopyTo(file, KeyOffset);
        Value.Span.CopyTo(file.AsSpan(KeyOffset + key.Length));
        Hash(file).CopyTo(file.AsSpan(HashOffset));
        return file;
    }

    /// <summary>Reads the bytes of a file; false when it is torn, damaged or of another version.</summary>
    public static bool TryDecode(byte[] file, [NotNullWhen(true)] out CacheRecordFile? record)
    {
        record = null;
        if (file.Length < KeyOffset || !file.AsSpan(0, Magic.Length).SequenceEqual(Magic))
        {
            return false;
        }

        int keyBytes = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(LengthOffset));
        if (keyBytes < 0 || keyBytes > file.Length - KeyOffset
            || !file.AsSpan(HashOffset, SHA256.HashSizeInBytes).SequenceEqual(Hash(file)))
        {
            return false;
        }

        record = new CacheRecordFile
        {
            Key = Encoding.UTF8.GetString(file, KeyOffset, keyBytes),
            Value = file.AsMemory(KeyOffset + keyBytes),
            AbsoluteExpiration = BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(Magic.Length)),
            SlidingExpiration = BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(SlidingOffset)),
        };
        return true;
    }

    private static byte[] Hash(byte[] file)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(file, 0, HashOffset);
        hash.AppendData(file, KeyOffset, file.Length - KeyOffset);
        return hash.GetHashAndReset();
    }
}

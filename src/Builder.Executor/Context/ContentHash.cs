// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Builder.Frontend.Naming;

namespace Builder.Executor.Context;

/// <summary>The 32 bytes of a SHA-256: a fifth of what a <see cref="Digest"/> takes, for many files. All zeros: unknown.</summary>
[InlineArray(SHA256.HashSizeInBytes)]
internal struct ContentHash : IEquatable<ContentHash>
{
    private byte _first;

    /// <summary>True for the default value.</summary>
    public readonly bool IsUnknown => !Bytes.ContainsAnyExcept((byte)0);

    [UnscopedRef]
    private readonly ReadOnlySpan<byte> Bytes => MemoryMarshal.AsBytes(new ReadOnlySpan<ContentHash>(in this));

    /// <summary>The bytes of a digest.</summary>
    public static ContentHash From(Digest digest)
    {
        var hash = default(ContentHash);
        Convert.FromHexString(digest.Hex, MemoryMarshal.AsBytes(new Span<ContentHash>(ref hash)), out _, out _);
        return hash;
    }

    /// <inheritdoc/>
    public readonly bool Equals(ContentHash other) => Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is ContentHash other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode() => MemoryMarshal.Read<int>(Bytes);

    /// <summary>The digest of these bytes.</summary>
    public readonly Digest ToDigest() => Digest.FromHash(Bytes);
}

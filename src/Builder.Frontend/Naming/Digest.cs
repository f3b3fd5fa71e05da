// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Builder.Frontend.Naming;

/// <summary>
/// A SHA-256 content digest, written <c>sha256:HEX</c>. Source: image-spec, descriptor.md "Digests". Other algorithms
/// are refused. The default value, all zeros, is unusable. It takes 32 bytes: there are many.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public readonly record struct Digest : IComparable<Digest>
{
    private const string Prefix = "sha256:";
    private const int HashBytes = 32;
    private const int HexLength = 2 * HashBytes;

    private static readonly SearchValues<char> s_hexDigits = SearchValues.Create("0123456789abcdef");

    private readonly ulong _first;
    private readonly ulong _second;
    private readonly ulong _third;
    private readonly ulong _fourth;

    private Digest(ReadOnlySpan<byte> hash)
    {
        _first = BinaryPrimitives.ReadUInt64BigEndian(hash);
        _second = BinaryPrimitives.ReadUInt64BigEndian(hash[8..]);
        _third = BinaryPrimitives.ReadUInt64BigEndian(hash[16..]);
        _fourth = BinaryPrimitives.ReadUInt64BigEndian(hash[24..]);
    }

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public string Hex
    {
        get
        {
            Span<byte> hash = stackalloc byte[HashBytes];
            CopyTo(hash);
            return Convert.ToHexStringLower(hash);
        }
    }

    /// <summary>True for a default value.</summary>
    public bool IsDefault => (_first | _second | _third | _fourth) == 0;

    /// <summary>A digest from the 32 bytes of a SHA-256.</summary>
    public static Digest FromHash(ReadOnlySpan<byte> hash)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(hash.Length, HashBytes);
        return new Digest(hash);
    }

    /// <summary>A digest from 64 lower-case hexadecimal digits.</summary>
    /// <exception cref="FormatException">Not that.</exception>
    public static Digest FromHex(string hex) => Parse(Prefix + hex);

    /// <summary>Parses <c>sha256:HEX</c>.</summary>
    /// <exception cref="FormatException">Not a SHA-256 digest.</exception>
    public static Digest Parse(string text) =>
        TryParse(text, out Digest digest)
            ? digest
            : throw new FormatException($"\"{text}\" is not a digest: expected sha256: and 64 lower-case hex digits");

    /// <summary>Parses <c>sha256:HEX</c>; false when it is anything else.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Digest digest)
    {
        digest = default;
        if (text is null || text.Length != Prefix.Length + HexLength
            || !text.StartsWith(Prefix, StringComparison.Ordinal)
            || text.AsSpan(Prefix.Length).ContainsAnyExcept(s_hexDigits))
        {
            return false;
        }

        Span<byte> hash = stackalloc byte[HashBytes];
        Convert.FromHexString(text.AsSpan(Prefix.Length), hash, out _, out _);
        digest = new Digest(hash);
        return !digest.IsDefault; // nothing that is known has this hash, and it means "none" here
    }

    /// <summary>Writes the 32 bytes of the hash.</summary>
    /// <exception cref="InvalidOperationException">It was never set.</exception>
    public void CopyTo(Span<byte> hash)
    {
        if (IsDefault)
        {
            throw new InvalidOperationException("a digest that was never set");
        }

        BinaryPrimitives.WriteUInt64BigEndian(hash, _first);
        BinaryPrimitives.WriteUInt64BigEndian(hash[8..], _second);
        BinaryPrimitives.WriteUInt64BigEndian(hash[16..], _third);
        BinaryPrimitives.WriteUInt64BigEndian(hash[24..], _fourth);
    }

    /// <inheritdoc/>
    public int CompareTo(Digest other) =>
        (_first, _second, _third, _fourth).CompareTo((other._first, other._second, other._third, other._fourth));

    /// <summary>The spec's form, <c>sha256:HEX</c>.</summary>
    public override string ToString() => IsDefault ? "" : Prefix + Hex;
}

// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Builder.Frontend.Naming;

/// <summary>
/// A SHA-256 content digest, written <c>sha256:HEX</c>. Source: image-spec, descriptor.md "Digests". Other algorithms
/// are refused. The default value is unusable.
/// </summary>
public readonly record struct Digest : IComparable<Digest>
{
    private const string Prefix = "sha256:";
    private const int HexLength = 64;

    private static readonly SearchValues<char> s_hexDigits = SearchValues.Create("0123456789abcdef");

    private readonly string? _hex;

    private Digest(string hex)
    {
        _hex = hex;
    }

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public string Hex => _hex ?? throw new InvalidOperationException("a digest that was never set");

    /// <summary>True for a default value.</summary>
    public bool IsDefault => _hex is null;

    /// <summary>A digest from the 32 bytes of a SHA-256.</summary>
    public static Digest FromHash(ReadOnlySpan<byte> hash)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(hash.Length, HexLength / 2);
        return new Digest(Convert.ToHexStringLower(hash));
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

        digest = new Digest(text[Prefix.Length..]);
        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(Digest other) => string.CompareOrdinal(_hex, other._hex);

    /// <summary>The spec's form, <c>sha256:HEX</c>.</summary>
    public override string ToString() => _hex is null ? "" : Prefix + _hex;
}

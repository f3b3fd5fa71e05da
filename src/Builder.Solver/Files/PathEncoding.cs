// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Solver.Files;

/// <summary>
/// File names are bytes. They are decoded as UTF-8; a byte that is not part of valid UTF-8 becomes the lone surrogate
/// U+DC80..U+DCFF, as in Python's "surrogateescape", so that every name survives the round trip.
/// </summary>
public static class PathEncoding
{
    private const char EscapeBase = '\uDC00';

    /// <summary>Compares names by their bytes, the order of layers.</summary>
    public static IComparer<string> ByteOrder { get; } = Comparer<string>.Create(CompareBytes);

    /// <summary>Decodes a name.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out Rune rune, out int consumed) == System.Buffers.OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                for (int i = 0; i < consumed; i++)
                {
                    text.Append((char)(EscapeBase + bytes[i]));
                }
            }

            bytes = bytes[consumed..];
        }

        return text.ToString();
    }

    /// <summary>Encodes a name; the inverse of <see cref="Decode"/>.</summary>
    public static byte[] Encode(string text)
    {
        if (!HasEscape(text))
        {
            return Encoding.UTF8.GetBytes(text);
        }

        using var bytes = new MemoryStream(text.Length + 8);
        Span<byte> buffer = stackalloc byte[4];
        for (int i = 0; i < text.Length; i++)
        {
            if (IsEscape(text, i))
            {
                bytes.WriteByte((byte)(text[i] - EscapeBase));
                continue;
            }

            int units = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) ? 2 : 1;
            int length = Encoding.UTF8.GetBytes(text.AsSpan(i, units), buffer);
            bytes.Write(buffer[..length]);
            i += units - 1;
        }

        return bytes.ToArray();
    }

    private static bool HasEscape(string text)
    {
        // Most names have none of these characters.
        for (int i = text.AsSpan().IndexOfAnyInRange('\uDC80', '\uDCFF'); i >= 0 && i < text.Length; i++)
        {
            if (IsEscape(text, i))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsEscape(string text, int index) =>
        text[index] is >= '\uDC80' and <= '\uDCFF'
        && (index == 0 || !char.IsHighSurrogate(text[index - 1]));

    private static int CompareBytes(string? left, string? right)
    {
        left ??= "";
        right ??= "";
        int common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
        {
            return left.Length.CompareTo(right.Length);
        }

        return left[common] < 0x80 && right[common] < 0x80
            ? left[common].CompareTo(right[common])
            : Encode(left).AsSpan().SequenceCompareTo(Encode(right));
    }
}

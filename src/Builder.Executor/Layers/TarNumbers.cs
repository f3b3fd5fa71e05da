// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;

namespace Builder.Executor.Layers;

/// <summary>Numbers of tar headers as the tools of four decades have written them.</summary>
internal static class TarNumbers
{
    /// <summary>Octal text padded with spaces or NULs, or GNU's base-256.</summary>
    /// <exception cref="ContentException">Neither.</exception>
    public static long Parse(ReadOnlySpan<byte> field)
    {
        if ((field[0] & 0x80) != 0)
        {
            return ParseBinary(field);
        }

        field = field.TrimStart(" \0"u8).TrimEnd(" \0"u8);
        long value = 0;
        foreach (byte digit in field)
        {
            // Some writers leave rubbish behind a NUL or a space.
            if (digit is 0 or (byte)' ')
            {
                break;
            }

            if (digit is < (byte)'0' or > (byte)'7' || value > long.MaxValue >> 3)
            {
                throw new ContentException(ContentFailure.Malformed, "read layer: a header's number is not octal");
            }

            value = value << 3 | (long)(digit - '0');
        }

        return value;
    }

    // Bit 7 of the first byte marks the form, bit 6 is the sign: two's complement, big endian.
    private static long ParseBinary(ReadOnlySpan<byte> field)
    {
        bool negative = (field[0] & 0x40) != 0;
        Int128 value = negative ? -1 : 0;
        value = value << 6 | (field[0] & 0x3F);
        foreach (byte next in field[1..])
        {
            value = value << 8 | next;
        }

        return value >= long.MinValue && value <= long.MaxValue
            ? (long)value
            : throw new ContentException(ContentFailure.Malformed, "read layer: a header's number is too large");
    }
}

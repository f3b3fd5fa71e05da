// SPDX-License-Identifier: Apache-2.0

using System.Globalization;

namespace Builder.Frontend.Parsing;

/// <summary>Sizes as docker writes them: <c>64m</c>, <c>1.5GiB</c>, <c>1024</c>; units are powers of 1024.</summary>
internal static class ByteSize
{
    private const string Units = "kmgtp";
    private const int BitsPerUnit = 10;

    /// <summary>Parses a size; false when it is none or does not fit.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        int digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.'))
        {
            digits++;
        }

        if (!decimal.TryParse(
            text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number))
        {
            return false;
        }

        string unit = text[digits..].Trim().ToLowerInvariant();
        int power = 0;
        if (unit.Length > 0 && unit != "b")
        {
            power = Units.IndexOf(unit[0], StringComparison.Ordinal) + 1;
            if (power == 0 || unit[1..] is not ("" or "b" or "ib"))
            {
                return false;
            }
        }

        decimal factor = 1L << (BitsPerUnit * power);
        if (number > long.MaxValue / factor)
        {
            return false;
        }

        bytes = (long)(number * factor);
        return true;
    }
}

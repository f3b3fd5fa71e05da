// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;

namespace Builder.Solver.Lowering;

/// <summary>
/// Values as Go's fmt package prints them: history holds them in this form in every image that docker made.
/// Source: strconv.Quote, time.Duration.String.
/// </summary>
internal static class GoText
{
    /// <summary>A quoted string (<c>%q</c>).</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (Rune rune in text.EnumerateRunes())
        {
            AppendEscaped(quoted, rune, '"');
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>A list of quoted strings (<c>%q</c>): <c>["a" "b"]</c>.</summary>
    public static string QuoteAll(IEnumerable<string> texts) => $"[{string.Join(' ', texts.Select(Quote))}]";

    /// <summary>A number as a quoted character (<c>%q</c> of an int).</summary>
    public static string QuoteCharacter(int code)
    {
        var quoted = new StringBuilder().Append('\'');
        AppendEscaped(quoted, Rune.IsValid(code) ? new Rune(code) : Rune.ReplacementChar, '\'');
        return quoted.Append('\'').ToString();
    }

    /// <summary>A duration: <c>1h0m0s</c>, <c>5m0s</c>, <c>1.5s</c>, <c>100ms</c>.</summary>
    public static string Duration(TimeSpan duration)
    {
        if (duration < TimeSpan.Zero)
        {
            return "-" + Duration(duration.Negate());
        }

        if (duration < TimeSpan.FromSeconds(1))
        {
            return duration == TimeSpan.Zero ? "0s"
                : duration < TimeSpan.FromMilliseconds(1) ? Decimal(duration.TotalMicroseconds) + "µs"
                : Decimal(duration.TotalMilliseconds) + "ms";
        }

        string text = Decimal(duration.TotalSeconds % 60) + "s";
        long minutes = (long)duration.TotalMinutes;
        if (minutes > 0)
        {
            text = string.Create(CultureInfo.InvariantCulture, $"{minutes % 60}m{text}");
        }

        return minutes < 60 ? text : string.Create(CultureInfo.InvariantCulture, $"{minutes / 60}h{text}");
    }

    private static string Decimal(double value) =>
        Math.Round((decimal)value, 9).ToString("0.#########", CultureInfo.InvariantCulture);

    private static void AppendEscaped(StringBuilder quoted, Rune rune, char quote)
    {
        switch (rune.Value)
        {
            case '\\':
                quoted.Append(@"\\");
                break;
            case '\a':
                quoted.Append(@"\a");
                break;
            case '\b':
                quoted.Append(@"\b");
                break;
            case '\f':
                quoted.Append(@"\f");
                break;
            case '\n':
                quoted.Append(@"\n");
                break;
            case '\r':
                quoted.Append(@"\r");
                break;
            case '\t':
                quoted.Append(@"\t");
                break;
            case '\v':
                quoted.Append(@"\v");
                break;
            case var code when code == quote:
                quoted.Append('\\').Append(quote);
                break;
            case var code when IsPrintable(rune):
                quoted.Append(rune.ToString());
                break;
            case < 0x80:
                quoted.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}");
                break;
            case < 0x10000:
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
                break;
            default:
                quoted.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}");
                break;
        }
    }

    private static bool IsPrintable(Rune rune) =>
        rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control
            or UnicodeCategory.Format
            or UnicodeCategory.Surrogate
            or UnicodeCategory.PrivateUse
            or UnicodeCategory.OtherNotAssigned
            or UnicodeCategory.SpaceSeparator
            or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator);
}

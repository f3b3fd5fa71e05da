// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;

namespace Builder.Frontend.Lines;

/// <summary>
/// A word such as <c>3&lt;&lt;-'EOF'</c>. Quotes and escapes follow the shell, always with a backslash.
/// </summary>
/// <param name="Name">The word that ends the body, without quotes.</param>
/// <param name="FileDescriptor">The number before it, or 0.</param>
/// <param name="Expand">False when a part of the word was quoted.</param>
/// <param name="Chomp">True for <c>&lt;&lt;-</c>.</param>
/// <param name="Word">The word in the logical line.</param>
internal sealed record HeredocMarker(string Name, int FileDescriptor, bool Expand, bool Chomp, Token Word)
{
    private const string Operator = "<<";
    private const int MaxDescriptorDigits = 9;

    /// <summary>All markers of a command line, in order; none when its quotes are not balanced.</summary>
    public static List<HeredocMarker> FindAll(string line, int start)
    {
        var markers = new List<HeredocMarker>();
        if (line.IndexOf(Operator, start, StringComparison.Ordinal) < 0)
        {
            return markers;
        }

        int position = start;
        while (position < line.Length)
        {
            if (char.IsWhiteSpace(line[position]))
            {
                position++;
                continue;
            }

            int end = EndOfWord(line, position);
            if (end < 0)
            {
                return [];
            }

            HeredocMarker? marker = TryParse(new Token(line[position..end], position, end));
            if (marker is not null)
            {
                markers.Add(marker);
            }

            position = end;
        }

        return markers;
    }

    /// <summary>Reads a word as a marker; null when it is none.</summary>
    public static HeredocMarker? TryParse(Token word)
    {
        string text = word.Text;
        int digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits]))
        {
            digits++;
        }

        if (string.CompareOrdinal(text, digits, Operator, 0, Operator.Length) != 0)
        {
            return null;
        }

        int position = digits + Operator.Length;
        bool chomp = position < text.Length && text[position] == '-';
        position += chomp ? 1 : 0;
        while (position < text.Length && char.IsWhiteSpace(text[position]))
        {
            position++;
        }

        if (text.IndexOf('<', position) >= 0
            || Unquote(text.AsSpan(position), out bool quoted) is not { Length: > 0 } name)
        {
            return null;
        }

        int descriptor = digits is 0 or > MaxDescriptorDigits ? 0 : int.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture);
        return new HeredocMarker(name, descriptor, !quoted, chomp, word);
    }

    /// <summary>True for words that begin with the operator, whether a name follows or not.</summary>
    public static bool BeginsLikeOne(string word)
    {
        ReadOnlySpan<char> rest = word.AsSpan().TrimStart("0123456789");
        return rest.StartsWith(Operator) && !rest.StartsWith("<<<");
    }

    /// <summary>The end of the word that begins at <paramref name="start"/>; -1 when a quote is not closed.</summary>
    private static int EndOfWord(string line, int start)
    {
        int position = start;
        while (position < line.Length && !char.IsWhiteSpace(line[position]))
        {
            switch (line[position])
            {
                case '\\':
                    position += 2;
                    break;
                case '\'':
                    position = line.IndexOf('\'', position + 1) + 1;
                    break;
                case '"':
                    position = EndOfDoubleQuote(line, position);
                    break;
                case '<' when position + 1 < line.Length && line[position + 1] == '<':
                    // Blanks may follow the operator: they belong to the word.
                    position += Operator.Length;
                    while (position < line.Length && char.IsWhiteSpace(line[position]))
                    {
                        position++;
                    }

                    break;
                default:
                    position++;
                    break;
            }

            if (position <= 0)
            {
                return -1;
            }
        }

        return Math.Min(position, line.Length);
    }

    private static int EndOfDoubleQuote(string line, int start)
    {
        for (int position = start + 1; position < line.Length; position++)
        {
            if (line[position] == '\\')
            {
                position++;
            }
            else if (line[position] == '"')
            {
                return position + 1;
            }
        }

        return -1;
    }

    private static string? Unquote(ReadOnlySpan<char> text, out bool quoted)
    {
        quoted = false;
        var name = new StringBuilder(text.Length);
        char quote = '\0';
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            bool escapes = c == '\\' && quote != '\'' && i + 1 < text.Length
                && (quote == '\0' || text[i + 1] is '"' or '$' or '\\');
            if (escapes)
            {
                name.Append(text[++i]);
            }
            else if (quote != '\0' && c == quote)
            {
                quote = '\0';
            }
            else if (quote == '\0' && c is '"' or '\'')
            {
                quote = c;
                quoted = true;
            }
            else
            {
                name.Append(c);
            }
        }

        return quote == '\0' ? name.ToString() : null;
    }
}

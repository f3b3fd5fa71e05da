// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Builder.Frontend.Lines;
using Sprache;

namespace Builder.Frontend.Grammar;

/// <summary>What a text that begins with a bracket turned out to be.</summary>
internal enum JsonArrayKind
{
    /// <summary>No JSON array: the shell form.</summary>
    None,

    /// <summary>An array of strings only.</summary>
    Strings,

    /// <summary>A JSON array, but not of strings only.</summary>
    Mixed,
}

/// <summary>The exec form, <c>["a", "b"]</c>. Source: RFC 8259, for an array of strings.</summary>
internal static class JsonArrayGrammar
{
    private const int HexDigits = 4;

    private static readonly Parser<string> s_space = Lexemes.Run(static c => c is ' ' or '\t' or '\r' or '\n', 0);

    private static readonly Parser<string> s_plain = Lexemes.Run(static c => c is not ('"' or '\\') && c >= ' ');

    private static readonly Parser<string> s_unicode =
        from mark in Lexemes.Symbol('u')
        from digits in Lexemes.Any.Where(char.IsAsciiHexDigit).Repeat(HexDigits).Text()
        select ((char)ushort.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToString();

    private static readonly Parser<string> s_simpleEscape =
        Lexemes.Any.Where(static c => "\"\\/bfnrt".Contains(c, StringComparison.Ordinal)).Select(Unescape);

    private static readonly Parser<string> s_escape =
        from mark in Lexemes.Symbol('\\')
        from value in s_simpleEscape.Or(s_unicode)
        select value;

    private static readonly Parser<Token> s_string =
        (from open in Lexemes.Symbol('"')
         from parts in s_plain.Or(s_escape).Many()
         from close in Lexemes.Symbol('"')
         select WithoutLoneSurrogates(string.Concat(parts))).Located();

    private static readonly Parser<IEnumerable<Token>> s_array =
        from before in s_space
        from open in Lexemes.Symbol('[')
        from inside in s_space
        from items in s_string.DelimitedBy(Lexemes.Symbol(',').Contained(s_space, s_space)).Optional()
        from close in Lexemes.Symbol(']').Contained(s_space, s_space)
        select items.GetOrElse([]);

    private static readonly Parser<char> s_anyString =
        (from open in Lexemes.Symbol('"')
         from parts in Lexemes.Run(static c => c is not ('"' or '\\')).Or(Escaped()).Many()
         from close in Lexemes.Symbol('"')
         select close)
        .Or(
            from open in Lexemes.Symbol('\'')
            from inside in Lexemes.Run(static c => c != '\'', 0)
            from close in Lexemes.Symbol('\'')
            select close);

    private static readonly Parser<char> s_meant =
        from open in Lexemes.Symbol('[')
        from quote in s_anyString.Contained(s_space, s_space)
        from next in Lexemes.Any
        select next;

    private static readonly Parser<IEnumerable<Token>> s_document = s_array.End();

    /// <summary>Reads the rest of a line as an array of strings.</summary>
    public static JsonArrayKind Read(string line, int start, out ImmutableArray<Token> items)
    {
        items = [];
        if (start >= line.Length || line[start] != '[')
        {
            return JsonArrayKind.None;
        }

        IResult<IEnumerable<Token>> result = s_document(new TextInput(line, start));
        if (result.WasSuccessful)
        {
            items = [.. result.Value];
            return JsonArrayKind.Strings;
        }

        return IsJson(line.AsSpan(start)) ? JsonArrayKind.Mixed : JsonArrayKind.None;
    }

    /// <summary>
    /// True when a text that is no JSON was most likely meant as an array: after its first quoted element comes a comma,
    /// or the end of the array with nothing or a comment behind it. <c>[ "$x" = y ]</c> is a shell's test.
    /// </summary>
    public static bool LooksMeant(string line, int start)
    {
        if (start >= line.Length || line[start] != '[')
        {
            return false;
        }

        IResult<char> result = s_meant(new TextInput(line, start));
        if (!result.WasSuccessful)
        {
            return false;
        }

        ReadOnlySpan<char> rest = line.AsSpan(result.Remainder.Position).TrimStart();
        return result.Value == ','
            || (result.Value == ']' && (rest.IsEmpty || rest.StartsWith('#')));
    }

    private static string Unescape(char c) => c switch
    {
        'b' => "\b",
        'f' => "\f",
        'n' => "\n",
        'r' => "\r",
        't' => "\t",
        _ => c.ToString(),
    };

    private static Parser<string> Escaped() =>
        from mark in Lexemes.Symbol('\\')
        from any in Lexemes.Any
        select "";

    private static string WithoutLoneSurrogates(string text)
    {
        foreach (char c in text)
        {
            if (char.IsSurrogate(c))
            {
                return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            }
        }

        return text;
    }

    /// <summary>Not by the grammar: nested arrays would recurse as deep as the text wants.</summary>
    private static bool IsJson(ReadOnlySpan<char> text)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        var reader = new Utf8JsonReader(bytes);
        try
        {
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}

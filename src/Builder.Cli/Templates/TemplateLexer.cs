// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Cli.Templates;

/// <summary>
/// Cuts a Go template into literal text and actions, applying the trim markers <c>{{-</c> and <c>-}}</c>, and an action
/// into tokens. Source: pkg.go.dev/text/template.
/// </summary>
internal static class TemplateLexer
{
    private const string Open = "{{";
    private const string Close = "}}";

    /// <summary>A piece of a template: text to copy, or the tokens of an action.</summary>
    internal readonly record struct Piece(string? Text, List<TemplateToken>? Action);

    /// <summary>Cuts a template into pieces.</summary>
    public static List<Piece> Split(string template)
    {
        List<Piece> pieces = [];
        int position = 0;
        bool trimNext = false;
        while (position < template.Length)
        {
            int open = template.IndexOf(Open, position, StringComparison.Ordinal);
            string text = open < 0 ? template[position..] : template[position..open];
            bool trimEnd = open >= 0 && StartsTrim(template, open + Open.Length);
            text = trimNext ? text.TrimStart() : text;
            text = trimEnd ? text.TrimEnd() : text;
            if (text.Length > 0)
            {
                pieces.Add(new Piece(text, null));
            }

            if (open < 0)
            {
                break;
            }

            int start = open + Open.Length + (trimEnd ? 1 : 0);
            int close = FindClose(template, start);
            trimNext = close > start + 1 && template[close - 1] == '-' && char.IsWhiteSpace(template[close - 2]);
            string action = template[start..(trimNext ? close - 1 : close)].Trim();
            if (!action.StartsWith("/*", StringComparison.Ordinal))
            {
                pieces.Add(new Piece(null, Tokenize(action)));
            }

            position = close + Close.Length;
        }

        return pieces;
    }

    private static bool StartsTrim(string template, int position) =>
        position + 1 < template.Length && template[position] == '-' && char.IsWhiteSpace(template[position + 1]);

    private static int FindClose(string template, int position)
    {
        char quote = '\0';
        for (int i = position; i < template.Length; i++)
        {
            char c = template[i];
            if (quote != '\0')
            {
                i += c == '\\' && quote == '"' ? 1 : 0;
                quote = c == quote ? '\0' : quote;
            }
            else if (c is '"' or '`')
            {
                quote = c;
            }
            else if (string.CompareOrdinal(template, i, Close, 0, Close.Length) == 0)
            {
                return i;
            }
        }

        throw new TemplateException("unclosed action");
    }

    private static List<TemplateToken> Tokenize(string action)
    {
        List<TemplateToken> tokens = [];
        int position = 0;
        while (position < action.Length)
        {
            tokens.Add(Next(action, ref position));
        }

        return tokens;
    }

    private static TemplateToken Next(string action, ref int position)
    {
        char c = action[position];
        if (char.IsWhiteSpace(c))
        {
            TakeWhile(action, ref position, char.IsWhiteSpace);
            return new TemplateToken(TemplateTokenKind.Space, " ");
        }

        if (c is '"' or '`')
        {
            return new TemplateToken(TemplateTokenKind.String, ReadString(action, ref position, c));
        }

        if (c == '.')
        {
            position++;
            string name = TakeWhile(action, ref position, IsWordPart);
            return name.Length == 0
                ? new TemplateToken(TemplateTokenKind.Dot, ".")
                : new TemplateToken(TemplateTokenKind.Field, name);
        }

        if (c == '$')
        {
            position++;
            return new TemplateToken(TemplateTokenKind.Variable, "$" + TakeWhile(action, ref position, IsWordPart));
        }

        if (char.IsAsciiDigit(c) || (c is '-' or '+' && position + 1 < action.Length && char.IsAsciiDigit(action[position + 1])))
        {
            position++;
            return new TemplateToken(
                TemplateTokenKind.Number, c + TakeWhile(action, ref position, d => IsWordPart(d) || d == '.'));
        }

        if (IsWordPart(c))
        {
            return new TemplateToken(TemplateTokenKind.Word, TakeWhile(action, ref position, IsWordPart));
        }

        return ReadSymbol(action, ref position);
    }

    private static TemplateToken ReadSymbol(string action, ref int position)
    {
        string symbol = string.CompareOrdinal(action, position, ":=", 0, 2) == 0 ? ":=" : action[position].ToString();
        if (symbol is not (":=" or "=" or "(" or ")" or "|" or ","))
        {
            throw new TemplateException($"unexpected \"{symbol}\" in action");
        }

        position += symbol.Length;
        return new TemplateToken(TemplateTokenKind.Symbol, symbol);
    }

    private static string ReadString(string action, ref int position, char quote)
    {
        StringBuilder text = new();
        for (position++; position < action.Length; position++)
        {
            char c = action[position];
            if (c == quote)
            {
                position++;
                return text.ToString();
            }

            if (c == '\\' && quote == '"' && position + 1 < action.Length)
            {
                c = Unescape(action[++position]);
            }

            text.Append(c);
        }

        throw new TemplateException("unterminated quoted string");
    }

    private static char Unescape(char c) => c switch
    {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        _ => c,
    };

    private static string TakeWhile(string action, ref int position, Func<char, bool> accept)
    {
        int start = position;
        while (position < action.Length && accept(action[position]))
        {
            position++;
        }

        return action[start..position];
    }

    private static bool IsWordPart(char c) => char.IsLetterOrDigit(c) || c == '_';
}

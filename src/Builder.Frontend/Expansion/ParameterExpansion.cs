// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Expansion;

/// <summary>
/// What may follow a dollar sign. Source: Dockerfile reference, "Environment replacement"; POSIX, "Parameter Expansion".
/// </summary>
internal static class ParameterExpansion
{
    /// <summary>Reads what follows the dollar sign and returns its value; a lone dollar sign stays one.</summary>
    public static string Read(ShellLexer lexer)
    {
        if (!lexer.TryTake('{'))
        {
            string plain = lexer.ReadName();
            return plain.Length == 0 ? "$" : lexer.Limit(lexer.Find(plain) ?? "");
        }

        if (lexer.AtEnd)
        {
            throw MissingBrace();
        }

        if (lexer.Current is '{' or '}' or ':')
        {
            throw new ExpansionException("syntax error: bad substitution");
        }

        string name = lexer.ReadName();
        return lexer.Limit(ReadModifier(lexer, name));
    }

    private static string ReadModifier(ShellLexer lexer, string name)
    {
        if (lexer.AtEnd)
        {
            throw MissingBrace();
        }

        char modifier = lexer.Next();
        switch (modifier)
        {
            case '}':
                return lexer.Find(name) ?? "";
            case ':':
                if (lexer.AtEnd)
                {
                    throw MissingBrace();
                }

                char second = lexer.Next();
                return second is '-' or '+' or '?'
                    ? Conditional(lexer, name, second, emptyIsUnset: true)
                    : throw Unsupported($":{second}");
            case '-' or '+' or '?':
                return Conditional(lexer, name, modifier, emptyIsUnset: false);
            case '#' or '%':
                return Trimmed(lexer, name, modifier);
            case '/':
                return Replaced(lexer, name);
            default:
                throw Unsupported(modifier.ToString());
        }
    }

    private static string Conditional(ShellLexer lexer, string name, char modifier, bool emptyIsUnset)
    {
        string word = lexer.ReadOperand('}', keepEscapes: false);
        string? value = lexer.Find(name, hasDefault: modifier != '?');
        bool isSet = value is not null && !(emptyIsUnset && value.Length == 0);
        return modifier switch
        {
            '-' => isSet ? value! : word,
            '+' => isSet ? word : "",
            _ when isSet => value!,
            _ when word.Length > 0 => throw new ExpansionException($"{name}: {word}"),
            _ => throw new ExpansionException(
                value is null ? $"{name}: is not allowed to be unset" : $"{name}: is not allowed to be empty"),
        };
    }

    private static string Trimmed(ShellLexer lexer, string name, char modifier)
    {
        string pattern = lexer.ReadOperand('}', keepEscapes: true);
        string value = lexer.Find(name) ?? "";
        bool longest = pattern.StartsWith(modifier);
        ShellPattern compiled = ShellPattern.Parse(longest ? pattern[1..] : pattern);
        return modifier == '#' ? compiled.TrimPrefix(value, longest) : compiled.TrimSuffix(value, longest);
    }

    private static string Replaced(ShellLexer lexer, string name)
    {
        bool all = lexer.TryTake('/');
        string pattern = lexer.ReadOperand('/', keepEscapes: true);
        string replacement = lexer.ReadOperand('}', keepEscapes: true);
        string value = lexer.Find(name) ?? "";
        return ShellPattern.Parse(pattern).Replace(value, replacement, all);
    }

    private static ExpansionException MissingBrace() => new("syntax error: missing '}'");

    private static ExpansionException Unsupported(string modifier) =>
        new($"unsupported modifier ({modifier}) in substitution");
}

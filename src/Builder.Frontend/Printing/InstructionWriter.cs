// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Printing;

/// <summary>Writes one instruction: keyword, flags, arguments, bodies.</summary>
internal sealed class InstructionWriter
{
    private readonly char _escape;
    private readonly StringBuilder _line;
    private readonly StringBuilder _bodies = new();

    public InstructionWriter(string keyword, char escape)
    {
        _escape = escape;
        _line = new StringBuilder(keyword);
    }

    /// <summary>A flag, when it has a value.</summary>
    public void Flag(string name, Word? value)
    {
        if (value is not null)
        {
            Flag(name, value.Text);
        }
    }

    /// <summary>A flag and its value, in quotes where it needs them.</summary>
    public void Flag(string name, string value)
    {
        _line.Append(" --").Append(name).Append('=');

        // A value that ends with << would hide a here-document behind it.
        if (!value.Any(static c => char.IsWhiteSpace(c) || c is '"' or '\'' or '\\' or '<'))
        {
            _line.Append(value);
            return;
        }

        _line.Append('"');
        foreach (char c in value)
        {
            _line.Append(c is '"' or '\\' ? "\\" : "").Append(c);
        }

        _line.Append('"');
    }

    /// <summary>A flag that is present or not.</summary>
    public void Flag(string name, bool isSet)
    {
        if (isSet)
        {
            _line.Append(" --").Append(name);
        }
    }

    /// <summary>A flag once per value.</summary>
    public void Flags(string name, ImmutableArray<Word> values)
    {
        foreach (Word value in values)
        {
            Flag(name, value);
        }
    }

    /// <summary>Words as they are; a lone <c>--</c> goes before them when the first would be taken for a flag.</summary>
    public void Arguments(IReadOnlyList<string> words)
    {
        if (words.Count > 0 && words[0].StartsWith("--", StringComparison.Ordinal))
        {
            _line.Append(" --");
        }

        foreach (string word in words)
        {
            _line.Append(' ').Append(word);
        }
    }

    /// <summary>Words where they can stand between blanks, else a JSON array.</summary>
    public void WordsOrJson(ImmutableArray<string> words)
    {
        if (words[0].StartsWith('[') || words.Any(NeedsJson))
        {
            Json(words);
        }
        else
        {
            Arguments(words);
        }
    }

    /// <summary>A JSON array of strings.</summary>
    public void Json(ImmutableArray<string> items)
    {
        _line.Append(" [");
        for (int i = 0; i < items.Length; i++)
        {
            _line.Append(i == 0 ? "\"" : ", \"");
            foreach (char c in items[i])
            {
                switch (c)
                {
                    case '"' or '\\':
                        _line.Append('\\').Append(c);
                        break;
                    case var _ when char.IsControl(c) || char.IsWhiteSpace(c) && c != ' ':
                        _line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                        break;
                    default:
                        _line.Append(c);
                        break;
                }
            }

            _line.Append('"');
        }

        _line.Append(']');
    }

    /// <summary>A command in its form.</summary>
    public void Command(CommandForm command)
    {
        switch (command)
        {
            case ExecForm exec:
                Json(exec.Arguments);
                break;
            case ShellForm { CommandLine.Length: > 0 } shell:
                Arguments([shell.CommandLine]);
                break;
        }
    }

    /// <summary>Keys and values as they are.</summary>
    public void Pairs(ImmutableArray<KeyValueWord> pairs, bool isLegacyForm)
    {
        char separator = isLegacyForm ? ' ' : '=';
        Arguments([.. pairs.Select(pair => pair.Value is null ? pair.Key.Text : $"{pair.Key.Text}{separator}{pair.Value.Text}")]);
    }

    /// <summary>Text that may reach over several lines.</summary>
    public void Verbatim(string text)
    {
        int lineFeed = text.IndexOf('\n', StringComparison.Ordinal);
        _line.Append(' ').Append(lineFeed < 0 ? text : text[..lineFeed]);
        if (lineFeed >= 0)
        {
            _bodies.Append(text, lineFeed + 1, text.Length - lineFeed - 1).Append('\n');
        }
    }

    /// <summary>The bodies of here-documents whose words stand in the line already.</summary>
    public void Bodies(ImmutableArray<Heredoc> heredocs)
    {
        foreach (Heredoc heredoc in heredocs)
        {
            _bodies.Append(heredoc.Content).Append(heredoc.Name).Append('\n');
        }
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        // An escape character that ends the text would continue the line; a form feed behind it is trimmed by parsers.
        int last = _line.Length - 1;
        bool wouldContinue = _line[last] == _escape && _line[last - 1] != _escape;
        return $"{_line}{(wouldContinue ? "\f" : "")}\n{_bodies}";
    }

    private static bool NeedsJson(string word) =>
        word.Length == 0
        || word.Any(static c => char.IsWhiteSpace(c) || char.IsControl(c))
        || HeredocMarker.BeginsLikeOne(word);
}

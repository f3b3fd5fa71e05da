// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Frontend.Expansion;

/// <summary>
/// Walks once over a word: quotes, escapes, variables. The forms of <c>${}</c> are in <see cref="ParameterExpansion"/>.
/// </summary>
internal sealed class ShellLexer
{
    /// <summary>The deepest <c>${a:-${b:-...}}</c>; each level is a stack frame.</summary>
    public const int MaxNesting = 100;

    private readonly string _source;
    private readonly char _escape;
    private readonly bool _removeQuotes;
    private readonly IVariableScope _scope;
    private readonly ExpansionTrace? _trace;
    private int _depth;
    private char _outermostStop;
    private int _produced;

    // Inside a pattern escapes are kept: there they decide what is a wildcard.
    private bool _keepEscapes;

    public ShellLexer(string source, char escape, bool removeQuotes, IVariableScope scope, ExpansionTrace? trace)
    {
        _source = source;
        _escape = escape;
        _removeQuotes = removeQuotes;
        _scope = scope;
        _trace = trace;
    }

    /// <summary>The next character.</summary>
    public int Position { get; private set; }

    /// <summary>True behind the last character.</summary>
    public bool AtEnd => Position >= _source.Length;

    /// <summary>The next character.</summary>
    public char Current => _source[Position];

    /// <summary>Expands the whole word; also into <paramref name="words"/> when given.</summary>
    public string Run(WordSplitter? words)
    {
        var result = new StringBuilder(_source.Length);
        try
        {
            ReadUntil(null, result, words);
        }
        catch (ExpansionException) when (AtEnd && _depth > 0)
        {
            // Whatever went wrong inside, what is missing is the end of the outermost ${}. Said here and not on each
            // level: every exception thrown from a handler takes kilobytes of stack.
            throw new ExpansionException(
                _outermostStop == '/' ? "syntax error: missing '/' in ${}" : "syntax error: missing '}'");
        }

        return result.ToString();
    }

    /// <summary>Takes the next character.</summary>
    public char Next() => _source[Position++];

    /// <summary>Takes the next character if it is the given one.</summary>
    public bool TryTake(char c)
    {
        if (AtEnd || Current != c)
        {
            return false;
        }

        Position++;
        return true;
    }

    /// <summary>Expands what stands inside <c>${}</c> up to a character, which is taken too.</summary>
    public string ReadOperand(char stop, bool keepEscapes)
    {
        if (++_depth > MaxNesting)
        {
            throw new ExpansionException($"substitutions nested more than {MaxNesting} deep");
        }

        _outermostStop = _depth == 1 ? stop : _outermostStop;
        bool outer = _keepEscapes;
        _keepEscapes = keepEscapes;
        var result = new StringBuilder();
        ReadUntil(stop, result, null);
        _keepEscapes = outer;
        _depth--;
        return result.ToString();
    }

    /// <summary>
    /// Takes a name: letters, digits and underscores, or digits alone, or one of the shell's special parameters; empty
    /// when there is none.
    /// </summary>
    public string ReadName()
    {
        int start = Position;
        if (AtEnd)
        {
            return "";
        }

        if (char.IsDigit(Current))
        {
            while (!AtEnd && char.IsDigit(Current))
            {
                Position++;
            }
        }
        else if (Current is '@' or '*' or '#' or '?' or '-' or '$' or '!')
        {
            Position++;
        }
        else
        {
            while (!AtEnd && NameLength() is int length and > 0)
            {
                Position += length;
            }
        }

        return _source[start..Position];
    }

    /// <summary>The value of a variable, or null; that is noted unless the word says what to do then.</summary>
    public string? Find(string name, bool hasDefault = false)
    {
        string? value = _scope.Find(name);
        _trace?.Used.Add(name);
        if (value is null && !hasDefault)
        {
            _trace?.Unmatched.Add(name);
        }

        return value;
    }

    /// <summary>Fails when the result grows beyond its limit.</summary>
    public string Limit(string value)
    {
        _produced += value.Length;
        return _produced <= WordExpander.MaxResultLength
            ? value
            : throw new ExpansionException($"the result is longer than {WordExpander.MaxResultLength} characters");
    }

    private void ReadUntil(char? stop, StringBuilder result, WordSplitter? words)
    {
        while (!AtEnd)
        {
            char c = Current;
            if (c == stop)
            {
                Position++;
                return;
            }

            int before = result.Length;
            switch (c)
            {
                case '\'' when _removeQuotes:
                    ReadSingleQuoted(result);
                    words?.AddRaw(Added(result, before));
                    break;
                case '"' when _removeQuotes:
                    ReadDoubleQuoted(result);
                    words?.AddRaw(Added(result, before));
                    break;
                case '$':
                    Position++;
                    result.Append(ParameterExpansion.Read(this));
                    words?.Add(Added(result, before));
                    break;
                case var _ when c == _escape:
                    ReadEscaped(result);
                    words?.AddRaw(Added(result, before));
                    break;
                default:
                    ReadPlain(stop, result);
                    words?.Add(Added(result, before));
                    break;
            }
        }

        if (stop is not null)
        {
            throw new ExpansionException(
                $"unexpected end of statement while looking for matching {stop}");
        }
    }

    private static string Added(StringBuilder result, int from) => result.ToString(from, result.Length - from);

    private void ReadPlain(char? stop, StringBuilder result)
    {
        int start = Position;
        do
        {
            Position++;
        }
        while (!AtEnd && Current != stop && Current != '$' && Current != _escape
            && (!_removeQuotes || Current is not ('\'' or '"')));

        result.Append(_source, start, Position - start);
    }

    private void ReadEscaped(StringBuilder result)
    {
        char mark = Next();
        if (_keepEscapes)
        {
            result.Append(mark);
        }

        if (!AtEnd)
        {
            result.Append(Next());
        }
    }

    private void ReadSingleQuoted(StringBuilder result)
    {
        int close = _source.IndexOf('\'', Position + 1);
        if (close < 0)
        {
            Position = _source.Length;
            throw new ExpansionException("unexpected end of statement while looking for matching single-quote");
        }

        result.Append(_source, Position + 1, close - Position - 1);
        Position = close + 1;
    }

    private void ReadDoubleQuoted(StringBuilder result)
    {
        Position++;
        while (!AtEnd)
        {
            char c = Next();
            if (c == '"')
            {
                return;
            }

            if (c == '$')
            {
                result.Append(ParameterExpansion.Read(this));
                continue;
            }

            if (c == _escape)
            {
                if (_keepEscapes)
                {
                    result.Append(c);
                }

                if (AtEnd)
                {
                    break;
                }

                c = Current is '"' or '$' || Current == _escape ? Next() : c;
            }

            result.Append(c);
        }

        throw new ExpansionException("unexpected end of statement while looking for matching double-quote");
    }

    /// <summary>The length of the letter, digit or underscore that is next; 0 when it is something else.</summary>
    private int NameLength()
    {
        if (Current == '_' || char.IsLetter(Current) || char.IsDigit(Current))
        {
            return 1;
        }

        return char.IsHighSurrogate(Current) && Position + 1 < _source.Length
            && char.IsLetterOrDigit(_source, Position)
                ? 2
                : 0;
    }
}

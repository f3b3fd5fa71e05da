// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>What a flag takes.</summary>
internal enum FlagKind
{
    /// <summary>A value, once.</summary>
    Single,

    /// <summary>A value, any number of times.</summary>
    List,

    /// <summary>Nothing, or true or false; once.</summary>
    Boolean,
}

/// <summary>A flag that an instruction knows.</summary>
internal readonly record struct FlagSpec(string Name, FlagKind Kind);

/// <summary>The flags of one instruction, checked against those it knows.</summary>
internal sealed class FlagValues
{
    private readonly InstructionSyntax _syntax;
    private readonly List<(string Name, Word Value, Token Flag)> _values = [];

    private FlagValues(InstructionSyntax syntax)
    {
        _syntax = syntax;
    }

    /// <summary>Reads the flags.</summary>
    /// <exception cref="SyntaxException">A flag is unknown, stands twice, or lacks its value.</exception>
    public static FlagValues Read(InstructionSyntax syntax, params ReadOnlySpan<FlagSpec> known)
    {
        var values = new FlagValues(syntax);
        foreach (Token flag in syntax.Flags)
        {
            values.Add(flag, known);
        }

        return values;
    }

    /// <summary>The value of a flag, or null.</summary>
    public Word? Single(string name)
    {
        foreach ((string candidate, Word value, _) in _values)
        {
            if (candidate == name)
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>The values of a flag in order.</summary>
    public ImmutableArray<Word> List(string name) =>
        [.. _values.Where(entry => entry.Name == name).Select(static entry => entry.Value)];

    /// <summary>The value of a boolean flag; null when it is not given.</summary>
    public bool? Boolean(string name) =>
        Single(name) is { } value ? !value.Text.Equals("false", StringComparison.OrdinalIgnoreCase) : null;

    /// <summary>The place of a part of a value; of the whole value when quotes or escapes hide the part.</summary>
    public SourceSpan PlaceIn(Word value, string part)
    {
        foreach ((_, Word candidate, Token flag) in _values)
        {
            int start = ReferenceEquals(candidate, value)
                ? _syntax.Line.Text.IndexOf(part, flag.Start, flag.End - flag.Start, StringComparison.Ordinal)
                : -1;
            if (start >= 0)
            {
                return _syntax.Line.SpanOf(start, start + part.Length);
            }
        }

        return value.Span;
    }

    private void Add(Token flag, ReadOnlySpan<FlagSpec> known)
    {
        int equals = flag.Text.IndexOf('=', StringComparison.Ordinal);
        string written = equals < 0 ? flag.Text : flag.Text[..equals];
        string name = written[Math.Min(2, written.Length)..];
        FlagKind kind = KindOf(name, known) ?? throw Unknown(flag, written, name, known);
        if (kind != FlagKind.List && Single(name) is not null)
        {
            throw _syntax.Error($"duplicate flag specified: {written}", flag);
        }

        if (equals < 0 && kind != FlagKind.Boolean)
        {
            throw _syntax.Error($"missing a value on flag: {written}", flag, $"write {written}=VALUE");
        }

        string value = equals < 0 ? "true" : flag.Text[(equals + 1)..];
        if (kind == FlagKind.Boolean)
        {
            CheckBoolean(flag, written, value);
        }

        _values.Add((name, new Word(value, ValueSpan(flag)), flag));
    }

    private void CheckBoolean(Token flag, string written, string value)
    {
        if (value.Length == 0)
        {
            throw _syntax.Error($"missing a value on flag: {written}", flag);
        }

        if (!value.Equals("true", StringComparison.OrdinalIgnoreCase)
            && !value.Equals("false", StringComparison.OrdinalIgnoreCase))
        {
            throw _syntax.Error($"expecting boolean value for flag {written}, not: {value}", flag);
        }
    }

    private SourceSpan ValueSpan(Token flag)
    {
        int equals = _syntax.Line.Text.IndexOf('=', flag.Start, flag.End - flag.Start);
        return _syntax.Line.SpanOf(equals < 0 ? flag.Start : equals + 1, flag.End);
    }

    private static FlagKind? KindOf(string name, ReadOnlySpan<FlagSpec> known)
    {
        foreach (FlagSpec spec in known)
        {
            if (spec.Name == name)
            {
                return spec.Kind;
            }
        }

        return null;
    }

    private SyntaxException Unknown(Token flag, string written, string name, ReadOnlySpan<FlagSpec> known)
    {
        var names = new List<string>(known.Length);
        foreach (FlagSpec spec in known)
        {
            names.Add("--" + spec.Name);
        }

        string? hint = Spelling.Hint("--" + name, names)
            ?? (names.Count == 0 ? $"{_syntax.Name} takes no flags" : $"{_syntax.Name} takes {string.Join(", ", names)}");
        return _syntax.Error($"unknown flag: {written}", flag, hint);
    }
}

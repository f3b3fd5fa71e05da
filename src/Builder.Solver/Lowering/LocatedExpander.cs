// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend;
using Builder.Frontend.Expansion;
using Builder.Frontend.Instructions;

namespace Builder.Solver.Lowering;

/// <summary>Expands words of one Dockerfile and says where in it a failure lies.</summary>
internal sealed class LocatedExpander
{
    private readonly WordExpander _expander;

    /// <summary>Creates an expander for a Dockerfile.</summary>
    public LocatedExpander(Dockerfile dockerfile)
    {
        Source = dockerfile.Source;
        _expander = new WordExpander(dockerfile.EscapeCharacter);
    }

    /// <summary>The text that places lie in.</summary>
    public SourceText Source { get; }

    /// <summary>
    /// Where every failure is shown while it is set: words of an ONBUILD trigger have no place of their own in this text.
    /// </summary>
    public SourceSpan? TriggerPlace { get; set; }

    /// <summary>Expands to one string.</summary>
    public string Expand(Word word, IVariableScope scope) => Expand(word.Text, word.Span, scope);

    /// <summary>Expands part of a word to one string.</summary>
    public string Expand(string text, SourceSpan span, IVariableScope scope)
    {
        try
        {
            return _expander.Expand(text, scope);
        }
        catch (FormatException failure)
        {
            throw Error(span, $"expand \"{text}\": {failure.Message}", failure);
        }
    }

    /// <summary>Expands words one by one.</summary>
    public ImmutableArray<string> Expand(ImmutableArray<Word> words, IVariableScope scope)
    {
        ImmutableArray<string>.Builder expanded = ImmutableArray.CreateBuilder<string>(words.Length);
        foreach (Word word in words)
        {
            expanded.Add(Expand(word, scope));
        }

        return expanded.MoveToImmutable();
    }

    /// <summary>Expands and splits at white space.</summary>
    public ImmutableArray<string> ExpandToWords(Word word, IVariableScope scope)
    {
        try
        {
            return _expander.ExpandToWords(word.Text, scope);
        }
        catch (FormatException failure)
        {
            throw Error(word.Span, $"expand \"{word}\": {failure.Message}", failure);
        }
    }

    /// <summary>Expands the body of a here-document, unless it was quoted.</summary>
    public string ExpandHeredoc(Heredoc heredoc, IVariableScope scope)
    {
        if (!heredoc.Expand)
        {
            return heredoc.Content;
        }

        try
        {
            return _expander.ExpandHeredoc(heredoc.Content, scope);
        }
        catch (FormatException failure)
        {
            throw Error(heredoc.Span, $"expand here-document {heredoc.Name}: {failure.Message}", failure);
        }
    }

    /// <summary>A failure at a place of this Dockerfile.</summary>
    public SolveException Error(SourceSpan span, string message, Exception? cause = null, string? hint = null) =>
        new(message, cause) { Dockerfile = Source, Location = TriggerPlace ?? span, Hint = hint };
}

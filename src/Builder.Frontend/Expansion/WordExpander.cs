// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Builder.Frontend.Expansion;

/// <summary>
/// Expands variables and removes quotes as the Dockerfile reference says, section "Environment replacement".
/// Failures are <see cref="FormatException"/> with a message such as <c>missing '}'</c>; callers add the place.
/// Values are never expanded a second time.
/// </summary>
public sealed class WordExpander
{
    /// <summary>The longest result; a chain of ENV that doubles a value ends here and not in memory.</summary>
    public const int MaxResultLength = 4 * 1024 * 1024;

    /// <summary>Creates an expander for one Dockerfile's escape character.</summary>
    public WordExpander(char escapeCharacter)
    {
        EscapeCharacter = escapeCharacter;
    }

    /// <summary>A backslash or a backtick.</summary>
    public char EscapeCharacter { get; }

    /// <summary>Expands to exactly one string; white space does not split.</summary>
    /// <exception cref="FormatException">The word is malformed, or <c>${x:?}</c> failed.</exception>
    public string Expand(string word, IVariableScope scope, ExpansionTrace? trace = null)
    {
        if (!word.AsSpan().ContainsAny('$', '\'', '"') && !word.Contains(EscapeCharacter, StringComparison.Ordinal))
        {
            return word;
        }

        return Run(word, EscapeCharacter, removeQuotes: true, words: null, scope, trace);
    }

    /// <summary>Expands and splits at unquoted white space (EXPOSE, <c>bld debug words</c>).</summary>
    /// <exception cref="FormatException">The word is malformed, or <c>${x:?}</c> failed.</exception>
    public ImmutableArray<string> ExpandToWords(string word, IVariableScope scope, ExpansionTrace? trace = null)
    {
        var words = new WordSplitter();
        Run(word, EscapeCharacter, removeQuotes: true, words, scope, trace);
        return words.ToImmutable();
    }

    /// <summary>
    /// Expands the body of a heredoc: quotes are kept; a backslash, whatever the escape directive says, takes the next
    /// character as it is.
    /// </summary>
    /// <exception cref="FormatException">The body is malformed, or <c>${x:?}</c> failed.</exception>
    [SuppressMessage("Performance", "CA1822", Justification = "Callers hold an expander; that this rule ignores it is a detail")]
    public string ExpandHeredoc(string content, IVariableScope scope, ExpansionTrace? trace = null) =>
        content.AsSpan().ContainsAny('$', '\\')
            ? Run(content, '\\', removeQuotes: false, words: null, scope, trace)
            : content;

    private static string Run(
        string word, char escape, bool removeQuotes, WordSplitter? words, IVariableScope scope, ExpansionTrace? trace)
    {
        try
        {
            return new ShellLexer(word, escape, removeQuotes, scope, trace).Run(words);
        }
        catch (ExpansionException exception)
        {
            throw new FormatException(exception.Message, exception);
        }
    }
}

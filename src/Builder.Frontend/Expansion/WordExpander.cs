// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Expansion;

/// <summary>
/// Expands variables and removes quotes as the Dockerfile reference says, section "Environment replacement".
/// Failures are <see cref="FormatException"/> with a message such as <c>missing '}'</c>; callers add the place.
/// </summary>
public sealed class WordExpander
{
    /// <summary>Creates an expander for one Dockerfile's escape character.</summary>
    public WordExpander(char escapeCharacter)
    {
        EscapeCharacter = escapeCharacter;
    }

    /// <summary>A backslash or a backtick.</summary>
    public char EscapeCharacter { get; }

    /// <summary>Expands to exactly one string; white space does not split.</summary>
    public string Expand(string word, IVariableScope scope, ExpansionTrace? trace = null) =>
        throw new NotImplementedException();

    /// <summary>Expands and splits at unquoted white space (EXPOSE, <c>bld debug words</c>).</summary>
    public ImmutableArray<string> ExpandToWords(string word, IVariableScope scope, ExpansionTrace? trace = null) =>
        throw new NotImplementedException();

    /// <summary>Expands the body of a heredoc: quotes are kept, only variables and escapes before '$' are handled.</summary>
    public string ExpandHeredoc(string content, IVariableScope scope, ExpansionTrace? trace = null) =>
        throw new NotImplementedException();
}

// SPDX-License-Identifier: Apache-2.0

namespace Builder.Cli.Templates;

/// <summary>What a token inside an action is.</summary>
internal enum TemplateTokenKind
{
    /// <summary>A word: a keyword, a function, true, false, nil.</summary>
    Word,

    /// <summary><c>.Name</c>; the text is without the dot.</summary>
    Field,

    /// <summary><c>$name</c>, or <c>$</c> alone.</summary>
    Variable,

    /// <summary>A lone dot.</summary>
    Dot,

    /// <summary>A string, unquoted.</summary>
    String,

    /// <summary>A number as written.</summary>
    Number,

    /// <summary>One of <c>( ) | , := =</c>.</summary>
    Symbol,

    /// <summary>Blanks between words: they separate a field from what it might be chained to.</summary>
    Space,
}

/// <summary>A token inside an action.</summary>
internal readonly record struct TemplateToken(TemplateTokenKind Kind, string Text);

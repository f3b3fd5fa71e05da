// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Instructions;

/// <summary>One instruction of a Dockerfile. Words are as written: expansion happens when the stage is lowered.</summary>
public abstract record Instruction
{
    /// <summary>From the keyword to the end of the last line, heredoc bodies included.</summary>
    public required SourceSpan Span { get; init; }

    /// <summary>The keyword as written, in its case.</summary>
    public required string Keyword { get; init; }

    /// <summary>The logical line: continuations joined, comments dropped, without heredoc bodies.</summary>
    public required string Text { get; init; }

    /// <summary>The comment lines right above it, without '#', trimmed. Documentation and lint scoping use them.</summary>
    public ImmutableArray<string> Comments { get; init; } = [];

    /// <summary>True when it came from an ONBUILD trigger of the base image.</summary>
    public bool IsFromOnBuild { get; init; }
}

/// <summary>A word as written, before expansion and with its quotes, and its place.</summary>
public sealed record Word(string Text, SourceSpan Span)
{
    /// <inheritdoc/>
    public override string ToString() => Text;
}

/// <summary>A key and its value as written. A null value (ARG without default) differs from an empty one.</summary>
public sealed record KeyValueWord(Word Key, Word? Value);

/// <summary>
/// The body of a here-document. <see cref="Content"/> has leading tabs removed already when it was opened by
/// <c>&lt;&lt;-</c>, and ends with a line feed unless it is empty.
/// </summary>
/// <param name="Name">The word that ends it.</param>
/// <param name="FileDescriptor">The number before <c>&lt;&lt;</c>; 0 when none stands there.</param>
/// <param name="Expand">False when any part of the word was quoted.</param>
/// <param name="Chomp">True for <c>&lt;&lt;-</c>.</param>
/// <param name="Content">The text between.</param>
/// <param name="Span">The lines of the body.</param>
public sealed record Heredoc(string Name, int FileDescriptor, bool Expand, bool Chomp, string Content, SourceSpan Span);

/// <summary>A command in either of its forms (RUN, CMD, ENTRYPOINT, HEALTHCHECK CMD).</summary>
public abstract record CommandForm;

/// <summary>A line for the shell, as written (continuations joined).</summary>
public sealed record ShellForm(string CommandLine) : CommandForm;

/// <summary>The JSON array form; may be empty (<c>CMD []</c>).</summary>
public sealed record ExecForm(ImmutableArray<string> Arguments) : CommandForm;

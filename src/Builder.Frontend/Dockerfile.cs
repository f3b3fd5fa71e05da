// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;

namespace Builder.Frontend;

/// <summary>A parsed Dockerfile: global ARGs, then stages. Nothing in it is expanded.</summary>
public sealed record Dockerfile
{
    /// <summary>The text it was parsed from.</summary>
    public required SourceText Source { get; init; }

    /// <summary>The escape character that its directive chose: a backslash or a backtick.</summary>
    public required char EscapeCharacter { get; init; }

    /// <summary>The value of the <c>syntax</c> directive: a version hint, never fetched. Null without one.</summary>
    public string? Syntax { get; init; }

    /// <summary>The value of the <c>check</c> directive, unparsed. Null without one.</summary>
    public string? Check { get; init; }

    /// <summary>The ARG instructions before the first FROM.</summary>
    public required ImmutableArray<ArgInstruction> GlobalArgs { get; init; }

    /// <summary>The stages in the order of the text; at least one.</summary>
    public required ImmutableArray<Stage> Stages { get; init; }

    /// <summary>What the parser noticed and lint reports (empty continuation lines, casing).</summary>
    public ImmutableArray<Diagnostic> Warnings { get; init; } = [];
}

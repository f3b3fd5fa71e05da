// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend;

/// <summary>How grave a <see cref="Diagnostic"/> is.</summary>
public enum DiagnosticSeverity
{
    /// <summary>The text cannot be built.</summary>
    Error,

    /// <summary>The text is built; a lint rule or an ambiguity is reported.</summary>
    Warning,
}

/// <summary>
/// One finding about a Dockerfile: what, where, and what to do next. <see cref="Message"/> is lower case without a
/// trailing dot: operation, object, cause.
/// </summary>
public sealed record Diagnostic
{
    /// <summary>Error or warning.</summary>
    public required DiagnosticSeverity Severity { get; init; }

    /// <summary>A lint rule's name ("StageNameCasing") or "ParseError"; stable, for programs.</summary>
    public required string Code { get; init; }

    /// <summary>What is wrong.</summary>
    public required string Message { get; init; }

    /// <summary>Where; null when it concerns the whole text.</summary>
    public SourceSpan? Span { get; init; }

    /// <summary>What to do next, or null.</summary>
    public string? Hint { get; init; }
}

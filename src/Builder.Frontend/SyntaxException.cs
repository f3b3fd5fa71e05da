// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend;

/// <summary>
/// Leaves the parsing of one instruction, or of the whole text when its lines can no longer be told apart. Never leaves
/// the project: <see cref="DockerfileParser"/> gathers the errors in a <see cref="DockerfileException"/>.
/// </summary>
internal sealed class SyntaxException : Exception
{
    /// <summary>The code of all errors of the parser.</summary>
    public const string Code = "ParseError";

    public SyntaxException(string message, SourceSpan span, string? hint = null)
        : base(message)
    {
        Diagnostic = Error(message, span, hint);
    }

    /// <summary>The error.</summary>
    public Diagnostic Diagnostic { get; }

    /// <summary>An error of the parser.</summary>
    public static Diagnostic Error(string message, SourceSpan span, string? hint = null) => new()
    {
        Severity = DiagnosticSeverity.Error,
        Code = Code,
        Message = message,
        Span = span,
        Hint = hint,
    };
}

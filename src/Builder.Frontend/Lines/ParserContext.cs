// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Lines;

/// <summary>What all parts of one parse share: the source, the escape character, what was found so far.</summary>
internal sealed class ParserContext
{
    /// <summary>After so many errors the rest of the text is not looked at.</summary>
    public const int MaxErrors = 20;

    private readonly ImmutableArray<Diagnostic>.Builder _errors = ImmutableArray.CreateBuilder<Diagnostic>();
    private readonly ImmutableArray<Diagnostic>.Builder _warnings = ImmutableArray.CreateBuilder<Diagnostic>();

    public ParserContext(SourceText source)
    {
        Source = source;
    }

    /// <summary>The text under the parser.</summary>
    public SourceText Source { get; }

    /// <summary>A backslash until a directive says otherwise.</summary>
    public char EscapeCharacter { get; set; } = '\\';

    /// <summary>True when no more errors are wanted.</summary>
    public bool HasEnoughErrors => _errors.Count >= MaxErrors;

    /// <summary>True when the text cannot be built.</summary>
    public bool HasErrors => _errors.Count > 0;

    /// <summary>The warnings in the order of the text.</summary>
    public ImmutableArray<Diagnostic> Warnings => _warnings.ToImmutable();

    /// <summary>Notes an error.</summary>
    public void Report(Diagnostic error) => _errors.Add(error);

    /// <summary>Notes an error.</summary>
    public void Report(string message, SourceSpan span, string? hint = null) =>
        _errors.Add(SyntaxException.Error(message, span, hint));

    /// <summary>Notes a warning under a lint rule's name.</summary>
    public void Warn(string code, string message, SourceSpan span, string? hint = null) =>
        _warnings.Add(new Diagnostic
        {
            Severity = DiagnosticSeverity.Warning,
            Code = code,
            Message = message,
            Span = span,
            Hint = hint,
        });

    /// <summary>Throws all errors found, if there are any.</summary>
    /// <exception cref="DockerfileException">There are errors.</exception>
    public void ThrowIfFailed()
    {
        if (HasErrors)
        {
            throw new DockerfileException(Source, _errors.ToImmutable());
        }
    }
}

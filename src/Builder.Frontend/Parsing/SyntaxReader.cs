// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>Reads a text instruction by instruction, here-documents included.</summary>
internal sealed class SyntaxReader
{
    private readonly ParserContext _context;
    private readonly LineReader _lines;
    private readonly LogicalLineReader _logical;

    public SyntaxReader(ParserContext context)
    {
        _context = context;
        _lines = new LineReader(context);
        _logical = new LogicalLineReader(context, _lines, Directives = new ParserDirectives(context));
    }

    /// <summary>The directives met so far.</summary>
    public ParserDirectives Directives { get; }

    /// <summary>
    /// All instructions that could be cut. The errors of one are noted and the next is read; after an error that makes
    /// the lines unreliable (a here-document without end) there are no more.
    /// </summary>
    public IEnumerable<InstructionSyntax> ReadAll()
    {
        while (!_context.HasEnoughErrors && TryReadLine(out LogicalLine? line) && line is not null)
        {
            InstructionSyntax? syntax = TryCut(line, out bool isReliable);
            if (syntax is not null)
            {
                yield return syntax;
            }

            if (!isReliable)
            {
                yield break;
            }
        }
    }

    private bool TryReadLine(out LogicalLine? line)
    {
        try
        {
            line = _logical.Read();
            return true;
        }
        catch (SyntaxException exception)
        {
            _context.Report(exception.Diagnostic);
            line = null;
            return false;
        }
    }

    private InstructionSyntax? TryCut(LogicalLine line, out bool isReliable)
    {
        isReliable = true;
        InstructionSyntax? syntax = null;
        try
        {
            syntax = InstructionCutter.Cut(line, _context);
        }
        catch (SyntaxException exception)
        {
            _context.Report(exception.Diagnostic);
        }

        try
        {
            return syntax is null ? null : WithHeredocs(syntax);
        }
        catch (SyntaxException exception)
        {
            _context.Report(exception.Diagnostic);
            isReliable = false;
            return null;
        }
    }

    private InstructionSyntax WithHeredocs(InstructionSyntax syntax)
    {
        InstructionSyntax carrier = syntax.Nested ?? syntax;
        if (carrier.IsJson || !TakesHeredocs(carrier))
        {
            return syntax;
        }

        List<HeredocMarker> markers = HeredocMarker.FindAll(syntax.Line.Text, syntax.Keyword.Start);
        if (markers.Count == 0)
        {
            return syntax;
        }

        ImmutableArray<HeredocBody> bodies = HeredocReader.ReadAll(_lines, syntax.Line, markers);
        InstructionSyntax? nested = syntax.Nested is null
            ? null
            : syntax.Nested with { Heredocs = bodies, HeredocEnd = _lines.LineEnd };
        return syntax with { Heredocs = bodies, HeredocEnd = _lines.LineEnd, Nested = nested };
    }

    /// <summary>A misspelt RUN has bodies too: reading them saves the user a screen of errors about their lines.</summary>
    private static bool TakesHeredocs(InstructionSyntax syntax) =>
        InstructionKeyword.TakesHeredocs(
            syntax.Form == ArgumentForm.Unknown
                ? InstructionParser.Suggest(syntax) ?? ""
                : syntax.Name);
}

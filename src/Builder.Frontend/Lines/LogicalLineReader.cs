// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;

namespace Builder.Frontend.Lines;

/// <summary>Joins physical lines to logical ones: directives, comments, continuations.</summary>
internal sealed class LogicalLineReader
{
    private readonly ParserContext _context;
    private readonly LineReader _lines;
    private readonly StringBuilder _joined = new();
    private ImmutableArray<string>.Builder? _comments;

    public LogicalLineReader(ParserContext context, LineReader lines, ParserDirectives directives)
    {
        _context = context;
        _lines = lines;
        Directives = directives;
    }

    /// <summary>The directives met so far.</summary>
    public ParserDirectives Directives { get; }

    /// <summary>Reads up to the end of the next instruction's line; null at the end of the text.</summary>
    /// <exception cref="SyntaxException">A line is too long, a directive is wrong.</exception>
    public LogicalLine? Read()
    {
        while (_lines.TryRead(out PhysicalLine line))
        {
            ReadOnlySpan<char> content = _lines.Content(line);
            ReadOnlySpan<char> trimmed = content.TrimStart();
            if (trimmed.StartsWith('#'))
            {
                TakeComment(trimmed, line);
                continue;
            }

            Directives.End();
            if (trimmed.IsEmpty)
            {
                // A comment with an empty line below it belongs to no instruction.
                _comments?.Clear();
                continue;
            }

            int column = content.Length - trimmed.Length + 1;
            LogicalLine? joined = TryTrimContinuation(trimmed, out ReadOnlySpan<char> kept)
                ? ReadContinued(kept, new LineSegment(0, line.Number, column))
                : new LogicalLine(trimmed.ToString(), [new LineSegment(0, line.Number, column)], TakeComments());
            if (joined is not null)
            {
                return joined;
            }
        }

        return null;
    }

    private void TakeComment(ReadOnlySpan<char> comment, PhysicalLine line)
    {
        if (Directives.TryTake(comment, line))
        {
            return;
        }

        ReadOnlySpan<char> text = comment[1..].Trim();
        if (text.IsEmpty)
        {
            _comments?.Clear();
            return;
        }

        _comments ??= ImmutableArray.CreateBuilder<string>();
        _comments.Add(text.ToString());
    }

    private ImmutableArray<string> TakeComments()
    {
        if (_comments is null || _comments.Count == 0)
        {
            return [];
        }

        ImmutableArray<string> comments = _comments.ToImmutable();
        _comments.Clear();
        return comments;
    }

    /// <summary>Null when nothing but continuation characters stood there.</summary>
    private LogicalLine? ReadContinued(ReadOnlySpan<char> first, LineSegment firstSegment)
    {
        ImmutableArray<LineSegment>.Builder segments = ImmutableArray.CreateBuilder<LineSegment>();
        segments.Add(firstSegment);
        _joined.Clear().Append(first);
        int emptyLine = 0;
        bool continues = true;
        while (continues && _lines.TryRead(out PhysicalLine line))
        {
            ReadOnlySpan<char> content = _lines.Content(line);
            ReadOnlySpan<char> trimmed = content.TrimStart();
            if (trimmed.StartsWith('#'))
            {
                continue;
            }

            if (trimmed.IsEmpty)
            {
                emptyLine = emptyLine == 0 ? line.Number : emptyLine;
                continue;
            }

            continues = TryTrimContinuation(content, out ReadOnlySpan<char> kept);
            segments.Add(new LineSegment(_joined.Length, line.Number, 1));
            _joined.Append(kept);
        }

        string text = _joined.ToString();
        string left = text.TrimStart();
        if (left.Length == 0)
        {
            return null;
        }

        if (emptyLine != 0)
        {
            _context.Warn(
                "NoEmptyContinuation",
                "empty continuation line",
                SourceSpan.Lines(emptyLine, emptyLine),
                "remove it, or make it a comment");
        }

        return new LogicalLine(left, Shift(segments.ToImmutable(), text.Length - left.Length), TakeComments());
    }

    /// <summary>Segments of the text without its first <paramref name="count"/> characters (blanks after "\").</summary>
    private static ImmutableArray<LineSegment> Shift(ImmutableArray<LineSegment> segments, int count)
    {
        if (count == 0)
        {
            return segments;
        }

        int first = 0;
        while (first + 1 < segments.Length && segments[first + 1].Offset <= count)
        {
            first++;
        }

        LineSegment head = segments[first];
        return
        [
            new LineSegment(0, head.Line, head.Column + count - head.Offset),
            .. segments[(first + 1)..].Select(s => s with { Offset = s.Offset - count }),
        ];
    }

    /// <summary>
    /// True when a line ends with the escape character (blanks may follow) that is not itself escaped;
    /// <paramref name="kept"/> is what stands before it, or the whole line.
    /// </summary>
    private bool TryTrimContinuation(ReadOnlySpan<char> line, out ReadOnlySpan<char> kept)
    {
        ReadOnlySpan<char> trimmed = line.TrimEnd(" \t");
        int last = trimmed.Length - 1;
        if (last >= 0 && trimmed[last] == _context.EscapeCharacter
            && (last == 0 || trimmed[last - 1] != _context.EscapeCharacter))
        {
            kept = trimmed[..last];
            return true;
        }

        kept = line;
        return false;
    }
}

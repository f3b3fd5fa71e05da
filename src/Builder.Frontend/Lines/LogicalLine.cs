// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Lines;

/// <summary>Where a stretch of a logical line came from.</summary>
/// <param name="Offset">Where it begins in the logical line.</param>
/// <param name="Line">Its physical line.</param>
/// <param name="Column">The column of its first character there.</param>
internal readonly record struct LineSegment(int Offset, int Line, int Column);

/// <summary>An instruction's line: continuations joined, comments between them dropped, no heredoc bodies.</summary>
internal sealed class LogicalLine
{
    private readonly ImmutableArray<LineSegment> _segments;

    public LogicalLine(string text, ImmutableArray<LineSegment> segments, ImmutableArray<string> comments)
    {
        Text = text;
        _segments = segments;
        Comments = comments;
    }

    /// <summary>The joined text; begins with the keyword, may end with blanks.</summary>
    public string Text { get; }

    /// <summary>True when blanks stand before the keyword: often a line whose continuation was forgotten.</summary>
    public bool IsIndented => _segments[0].Column > 1;

    /// <summary>The comments above it, without '#', trimmed.</summary>
    public ImmutableArray<string> Comments { get; }

    /// <summary>The place of a stretch of <see cref="Text"/>.</summary>
    public SourceSpan SpanOf(int start, int end)
    {
        SourcePosition first = PositionOf(start);
        if (end <= start)
        {
            return new SourceSpan(first, first);
        }

        // The end belongs to the segment of the last character, not to the one that begins there.
        SourcePosition last = PositionOf(end - 1);
        return new SourceSpan(first, last with { Column = last.Column + 1 });
    }

    /// <summary>The place of a token.</summary>
    public SourceSpan SpanOf(Token token) => SpanOf(token.Start, token.End);

    private SourcePosition PositionOf(int offset)
    {
        int low = 0;
        int high = _segments.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (_segments[middle].Offset <= offset)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        LineSegment segment = _segments[low];
        return new SourcePosition(segment.Line, segment.Column + (offset - segment.Offset));
    }
}

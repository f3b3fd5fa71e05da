// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Frontend.Lines;

/// <summary>Cuts a text into physical lines: LF or CRLF, a byte order mark dropped, lines of a limited length.</summary>
internal sealed class LineReader
{
    /// <summary>The longest line in bytes of UTF-8, without its line end; the limit of docker's parser.</summary>
    public const int MaxLineBytes = 65_535;

    private const char ByteOrderMark = '\uFEFF';
    private const int MaxBytesPerUnit = 3;

    private readonly string _text;
    private int _next;

    public LineReader(ParserContext context)
    {
        _text = context.Source.Text;
        _next = _text.StartsWith(ByteOrderMark) ? 1 : 0;
    }

    /// <summary>The number of the line read last; 0 before the first.</summary>
    public int LineNumber { get; private set; }

    /// <summary>The place behind the content of the line read last.</summary>
    public SourcePosition LineEnd { get; private set; }

    /// <summary>Reads the next line; false at the end of the text.</summary>
    public bool TryRead(out PhysicalLine line)
    {
        if (_next >= _text.Length)
        {
            line = default;
            return false;
        }

        int start = _next;
        int lineFeed = _text.IndexOf('\n', start);
        int end = lineFeed < 0 ? _text.Length : lineFeed;
        _next = lineFeed < 0 ? _text.Length : lineFeed + 1;
        while (end > start && _text[end - 1] == '\r')
        {
            end--;
        }

        LineNumber++;
        LineEnd = new SourcePosition(LineNumber, end - start + 1);
        line = new PhysicalLine(LineNumber, start, end);
        if (end - start > MaxLineBytes / MaxBytesPerUnit
            && Encoding.UTF8.GetByteCount(_text.AsSpan(start, end - start)) > MaxLineBytes)
        {
            throw new SyntaxException(
                $"dockerfile line greater than max allowed size of {MaxLineBytes}",
                SourceSpan.Lines(LineNumber, LineNumber),
                "break it with continuation lines, or move the text to a file");
        }

        return true;
    }

    /// <summary>The content of a line without its line end.</summary>
    public ReadOnlySpan<char> Content(PhysicalLine line) => _text.AsSpan(line.Start, line.End - line.Start);

    /// <summary>The text from one line up to another, line ends included.</summary>
    public string TextBetween(int start, int end) => _text[start..end];
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lines;

/// <summary>A here-document as it stands in the text.</summary>
/// <param name="Marker">The word that opened it.</param>
/// <param name="RawContent">The body with its tabs and line ends.</param>
/// <param name="Span">The lines of the body.</param>
internal sealed record HeredocBody(HeredocMarker Marker, string RawContent, SourceSpan Span)
{
    /// <summary>The form that instructions hold: leading tabs removed where <c>&lt;&lt;-</c> asked for it.</summary>
    public Heredoc ToHeredoc() =>
        new(Marker.Name, Marker.FileDescriptor, Marker.Expand, Marker.Chomp, Marker.Chomp ? Chomped() : RawContent, Span);

    private string Chomped()
    {
        var content = new StringBuilder(RawContent.Length);
        bool atLineStart = true;
        foreach (char c in RawContent)
        {
            if (atLineStart && c == '\t')
            {
                continue;
            }

            content.Append(c);
            atLineStart = c == '\n';
        }

        return content.ToString();
    }
}

/// <summary>Reads the bodies that follow an instruction's line.</summary>
internal static class HeredocReader
{
    /// <summary>Reads one body per marker, in order.</summary>
    /// <exception cref="SyntaxException">The text ends before a body does.</exception>
    public static ImmutableArray<HeredocBody> ReadAll(
        LineReader lines, LogicalLine line, IReadOnlyList<HeredocMarker> markers)
    {
        ImmutableArray<HeredocBody>.Builder bodies = ImmutableArray.CreateBuilder<HeredocBody>(markers.Count);
        foreach (HeredocMarker marker in markers)
        {
            bodies.Add(Read(lines, line, marker));
        }

        return bodies.MoveToImmutable();
    }

    private static HeredocBody Read(LineReader lines, LogicalLine line, HeredocMarker marker)
    {
        int firstLine = lines.LineNumber + 1;
        var place = new SourcePosition(firstLine, 1);
        int start = -1;
        SourcePosition end = place;
        while (lines.TryRead(out PhysicalLine body))
        {
            start = start < 0 ? body.Start : start;
            ReadOnlySpan<char> content = lines.Content(body);
            ReadOnlySpan<char> candidate = marker.Chomp ? content.TrimStart('\t') : content;
            if (candidate.SequenceEqual(marker.Name))
            {
                return new HeredocBody(marker, lines.TextBetween(start, body.Start), new SourceSpan(place, end));
            }

            end = new SourcePosition(body.Number, content.Length + 1);
        }

        throw new SyntaxException(
            $"unterminated heredoc: no line \"{marker.Name}\" follows",
            line.SpanOf(marker.Word),
            $"end it with a line that holds only {marker.Name}");
    }
}

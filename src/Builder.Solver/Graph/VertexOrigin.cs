// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend;

namespace Builder.Solver.Graph;

/// <summary>Where a vertex comes from, for progress, errors and explanations; nothing of it is in a key.</summary>
/// <param name="Name">As progress shows it: <c>[build 2/5] RUN make</c>.</param>
/// <param name="Text">The instruction alone: <c>RUN make</c>.</param>
/// <param name="Stage">The stage's name as progress shows it, or "".</param>
/// <param name="Position">Its place among the steps of its stage, from 1.</param>
/// <param name="Source">The text of the Dockerfile.</param>
/// <param name="Span">Its place there.</param>
/// <param name="NoCache">An earlier result must not be used.</param>
internal sealed record VertexOrigin(
    string Name, string Text, string Stage, int Position, SourceText Source, SourceSpan Span, bool NoCache)
{
    /// <summary>Words of the instruction after expansion, with their places; the sources of a COPY come first.</summary>
    public ImmutableArray<(string Word, SourceSpan Span)> Words { get; init; } = [];

    /// <summary>The place of a word that an error names, or of one that it is part of; else of the instruction.</summary>
    public SourceSpan SpanOf(string? subject)
    {
        if (string.IsNullOrEmpty(subject))
        {
            return Span;
        }

        foreach (Func<string, bool> isMeant in (Func<string, bool>[])
        [
            word => word == subject,
            word => word.Contains(subject, StringComparison.Ordinal),
        ])
        {
            foreach ((string word, SourceSpan span) in Words)
            {
                if (isMeant(word))
                {
                    return span;
                }
            }
        }

        return Span;
    }
}

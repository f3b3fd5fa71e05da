// SPDX-License-Identifier: Apache-2.0

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
    string Name, string Text, string Stage, int Position, SourceText Source, SourceSpan Span, bool NoCache);

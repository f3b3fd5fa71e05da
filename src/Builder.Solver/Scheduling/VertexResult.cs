// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Images;

namespace Builder.Solver.Scheduling;

/// <summary>The output of a vertex.</summary>
/// <param name="Stack">The file system with its layer on top.</param>
/// <param name="Record">Its layer.</param>
/// <param name="Content">
/// What the file system counts as in the keys of steps that mount it: its chainID, or for files of a context, whose
/// times are in the layer but in no key, the digest of the files.
/// </param>
/// <param name="Cached">It was not executed.</param>
internal sealed record VertexResult(LayerStack Stack, StepRecord Record, Digest Content, bool Cached);

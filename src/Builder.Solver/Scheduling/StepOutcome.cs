// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Caching;

namespace Builder.Solver.Scheduling;

/// <summary>How a step ended.</summary>
/// <param name="Record">What it made.</param>
/// <param name="Cached">It was not executed here: its result was known, or another step made the same.</param>
internal sealed record StepOutcome(StepRecord Record, bool Cached);

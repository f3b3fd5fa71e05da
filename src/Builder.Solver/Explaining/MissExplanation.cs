// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Solver.Explaining;

/// <summary>Why a step was executed.</summary>
public enum MissReason
{
    /// <summary>It was not: its result was known.</summary>
    Cached,

    /// <summary>No earlier build of this Dockerfile had the step, or its record is gone.</summary>
    New,

    /// <summary>Something that goes into its key is different.</summary>
    InputsChanged,

    /// <summary>Its key is the same, but the layer it made is no longer there.</summary>
    ResultGone,

    /// <summary>Earlier results were not to be used (<c>--no-cache</c>).</summary>
    Forced,
}

/// <summary>Why a step was executed, with the inputs that differ from the build before.</summary>
public sealed record MissExplanation(
    StepTrace Step, MissReason Reason, ImmutableArray<InputDifference> Differences);

/// <summary>An input of a key that is not what it was.</summary>
/// <param name="Input">For instance <c>file src/main.py</c>, <c>env VERSION</c>, <c>argument</c>, <c>parent</c>.</param>
/// <param name="Before">The value it had; null when it is new.</param>
/// <param name="After">The value it has; null when it is gone.</param>
public sealed record InputDifference(string Input, string? Before, string? After);

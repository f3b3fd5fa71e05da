// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Maintenance;

/// <summary>One thing of a store that is not as it must be.</summary>
/// <param name="Area">Where: <c>blobs</c>, <c>snapshots</c> and so on.</param>
/// <param name="Subject">What: a digest, a name, a path in the store.</param>
/// <param name="Cause">What is wrong with it.</param>
/// <param name="Advice">What to do, repaired or not.</param>
/// <param name="IsRepaired">It is gone or put aside.</param>
public sealed record StoreProblem(string Area, string Subject, string Cause, string Advice, bool IsRepaired);

/// <summary>How much of an area was looked at.</summary>
/// <param name="Area">The area.</param>
/// <param name="Count">How many things.</param>
/// <param name="Bytes">How much content was read and compared with its digest.</param>
public sealed record CheckedArea(string Area, int Count, long Bytes);

/// <summary>What a check found.</summary>
/// <param name="Areas">The areas in the order of the check.</param>
/// <param name="Problems">What is wrong; empty for a sound store.</param>
public sealed record CheckResult(ImmutableArray<CheckedArea> Areas, ImmutableArray<StoreProblem> Problems)
{
    /// <summary>Nothing is wrong, or not any more.</summary>
    public bool IsSound => Problems.All(problem => problem.IsRepaired);
}

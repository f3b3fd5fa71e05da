// SPDX-License-Identifier: Apache-2.0

using System.Globalization;

namespace Builder.Solver.Files;

/// <summary>Why a file cannot be had although the user may see it.</summary>
/// <param name="Text">The cause, for instance <c>excluded by .dockerignore line 3</c>.</param>
/// <param name="Hint">What to do.</param>
public sealed record Absence(string Text, string Hint)
{
    /// <summary>A line of an ignore file decided so.</summary>
    public static Absence ByIgnoreFile(string name, int line) => new(
        string.Create(CultureInfo.InvariantCulture, $"excluded by {name} line {line}"),
        "remove the pattern, or add one with '!' after it that lets the file in");
}

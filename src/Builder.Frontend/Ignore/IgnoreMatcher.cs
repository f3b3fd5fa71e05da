// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Ignore;

/// <summary>
/// The patterns of a .dockerignore, or of <c>COPY --exclude</c>, with moby's pattern semantics: the last match wins,
/// a matched parent excludes its children, <c>!</c> re-includes, <c>**</c> crosses directories.
/// Paths are relative, with '/' and without a leading one.
/// </summary>
public sealed class IgnoreMatcher
{
    /// <summary>A matcher that excludes nothing.</summary>
    public static IgnoreMatcher None { get; } = new();

    /// <summary>Reads an ignore file: comments, blank lines, BOM, cleaning of every pattern.</summary>
    /// <exception cref="DockerfileException">A pattern is malformed; the place is its line.</exception>
    public static IgnoreMatcher Parse(SourceText source) => throw new NotImplementedException();

    /// <summary>Makes a matcher of patterns given one by one.</summary>
    /// <exception cref="FormatException">A pattern is malformed.</exception>
    public static IgnoreMatcher FromPatterns(ImmutableArray<string> patterns) => throw new NotImplementedException();

    /// <summary>True when there is no pattern at all.</summary>
    public bool IsEmpty => ReferenceEquals(this, None);

    /// <summary>True when the path, or a parent of it, is excluded by the last pattern that says anything about it.</summary>
    public bool IsIgnored(string path) => throw new NotImplementedException();

    /// <summary>
    /// For an ignored directory: false when no negated pattern can match anything below it, so that a walk need not
    /// enter it.
    /// </summary>
    public bool MayIncludeBelow(string directory) => throw new NotImplementedException();

    /// <summary>The line number (from 1) of the pattern that decided, or null; for "excluded by .dockerignore line 3".</summary>
    public int? DecidingLine(string path) => throw new NotImplementedException();
}

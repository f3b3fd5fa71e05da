// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend;

/// <summary>A place in a text: line and column both count from 1, columns in UTF-16 units.</summary>
public readonly record struct SourcePosition(int Line, int Column);

/// <summary>A stretch of a text, from <see cref="Start"/> up to but without <see cref="End"/>.</summary>
public readonly record struct SourceSpan(SourcePosition Start, SourcePosition End)
{
    /// <summary>The span of whole lines, from <paramref name="first"/> to <paramref name="last"/>.</summary>
    public static SourceSpan Lines(int first, int last) =>
        new(new SourcePosition(first, 1), new SourcePosition(last, int.MaxValue));
}

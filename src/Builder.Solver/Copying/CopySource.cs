// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Files;

namespace Builder.Solver.Copying;

/// <summary>How a <see cref="CopySource"/> is read.</summary>
internal enum CopySourceKind
{
    /// <summary>A path or a wildcard pattern in a context, a stage or an image.</summary>
    Pattern,

    /// <summary>One file that ADD fetched; <see cref="CopySource.Path"/> is its exact path.</summary>
    FetchedFile,

    /// <summary>All files of a tree, merged into the destination (a git repository).</summary>
    Contents,
}

/// <summary>One source of a <see cref="CopyRequest"/> together with the tree it is taken from.</summary>
/// <param name="Kind">How it is read.</param>
/// <param name="Tree">The tree.</param>
/// <param name="Path">The pattern or path in it; "" for <see cref="CopySourceKind.Contents"/>.</param>
internal sealed record CopySource(CopySourceKind Kind, IFileTree Tree, string Path);

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Solver.Copying;

/// <summary>How a <see cref="SelectedRoot"/> lands at its destination.</summary>
internal enum SelectedRootKind
{
    /// <summary>One file, symbolic links in its path followed: becomes the destination or goes into it.</summary>
    File,

    /// <summary>A directory: its entries go into the destination, which is made when it is missing.</summary>
    Directory,

    /// <summary>An unpacked archive: as a directory, but what stands in the way is replaced.</summary>
    Archive,
}

/// <summary>One thing that is copied: a file, or a directory with what was selected below it.</summary>
internal sealed record SelectedRoot
{
    /// <summary>How it lands.</summary>
    public required SelectedRootKind Kind { get; init; }

    /// <summary>The name that it gets in a directory: the last one as written, not that of a link's target.</summary>
    public required string Name { get; init; }

    /// <summary>The file's own node; a directory's own metadata is never copied.</summary>
    public required FileNode Node { get; init; }

    /// <summary>Where the bytes of a <see cref="SelectedRootKind.File"/> come from.</summary>
    public FileContent? Content { get; init; }

    /// <summary>The tree of the entries.</summary>
    public IFileTree? Tree { get; init; }

    /// <summary>The directory in <see cref="Tree"/> below which the entries are.</summary>
    public string BasePath { get; init; } = "";

    /// <summary>What is below a directory, parents first.</summary>
    public ImmutableArray<SelectedEntry> Entries { get; init; } = [];

    /// <summary>ADD unpacks this file when its content is an archive.</summary>
    public bool MayUnpack { get; init; }
}

/// <summary>A file below a <see cref="SelectedRoot"/>.</summary>
/// <param name="Path">Its path relative to the root.</param>
/// <param name="Node">What it is.</param>
internal readonly record struct SelectedEntry(string Path, FileNode Node);

/// <summary>A tree made of an archive, which may leave directories out that its members lie in.</summary>
public interface IArchiveTree : IFileTree
{
    /// <summary>True for a directory that no member of the archive describes.</summary>
    bool IsImplied(string path);
}

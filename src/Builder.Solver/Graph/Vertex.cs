// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;
using Builder.Solver.Copying;
using Builder.Solver.Operations;

namespace Builder.Solver.Graph;

/// <summary>A node of the build graph: an operation that puts at most one layer onto a file system.</summary>
internal abstract class Vertex
{
    /// <summary>Where it comes from.</summary>
    public required VertexOrigin Origin { get; init; }

    /// <summary>The file system that its layer is put onto.</summary>
    public required FileSystemInput Parent { get; init; }

    /// <summary>All file systems it needs.</summary>
    public abstract IEnumerable<FileSystemInput> Inputs { get; }
}

/// <summary>A RUN.</summary>
internal sealed class RunVertex : Vertex
{
    /// <summary>Everything but the mounts whose sources are file systems.</summary>
    public required RunOperation Operation { get; init; }

    /// <summary>The mounts in order.</summary>
    public ImmutableArray<VertexMount> Mounts { get; init; } = [];

    /// <summary>What the command runs on.</summary>
    public required Platform Platform { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<FileSystemInput> Inputs =>
        Mounts.Select(mount => mount.Source).OfType<FileSystemInput>().Prepend(Parent);
}

/// <summary>A mount of a RUN; <paramref name="Source"/> completes it once it is solved.</summary>
/// <param name="Mount">The mount, with an empty file system where the source's belongs.</param>
/// <param name="Source">The file system of a bind mount, or that a new cache starts with; else null.</param>
internal sealed record VertexMount(StepMount Mount, FileSystemInput? Source);

/// <summary>A COPY or ADD, or the files of a context that a RUN mounts.</summary>
internal sealed class CopyVertex : Vertex
{
    /// <summary>What is copied where.</summary>
    public required CopyRequest Request { get; init; }

    /// <summary>Where the sources of <see cref="Request"/> come from, one by one.</summary>
    public required ImmutableArray<VertexSource> Sources { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<FileSystemInput> Inputs =>
        Sources.OfType<FileSystemSource>().Select(source => source.FileSystem).Prepend(Parent);
}

/// <summary>A WORKDIR: makes the directory when it is missing.</summary>
internal sealed class WorkdirVertex : Vertex
{
    /// <summary>The directory, absolute and clean.</summary>
    public required string Directory { get; init; }

    /// <summary>USER's value: who owns what is created.</summary>
    public required string User { get; init; }

    /// <summary>The time of what is created in seconds, or null.</summary>
    public long? Epoch { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<FileSystemInput> Inputs => [Parent];
}

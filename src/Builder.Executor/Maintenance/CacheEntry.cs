// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;

namespace Builder.Executor.Maintenance;

/// <summary>What an entry of the build cache is.</summary>
public enum CacheEntryKind
{
    /// <summary>The result of a step: its records and its layer.</summary>
    Step,

    /// <summary>The contents of a <c>RUN --mount=type=cache</c>.</summary>
    Mount,

    /// <summary>What ADD fetched.</summary>
    Download,

    /// <summary>Remembered digests of contexts and files, traces for <c>bld why</c>: small, and only bld's own.</summary>
    Internal,

    /// <summary>A layer or blob that no image, container or record needs any more.</summary>
    Unused,
}

/// <summary>One thing of the build cache that can be removed by itself.</summary>
public sealed record CacheEntry
{
    /// <summary>Names it in listings and filters; 64 hexadecimal digits or more.</summary>
    public required string Id { get; init; }

    /// <summary>What it is.</summary>
    public required CacheEntryKind Kind { get; init; }

    /// <summary>In words: the instruction, the id of the mount.</summary>
    public required string Description { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>When it was last used, to within an hour.</summary>
    public required DateTimeOffset LastUsed { get; init; }

    /// <summary>An image or a container needs its layer too: removing the entry frees nothing, it only forgets.</summary>
    public bool IsShared { get; init; }

    /// <summary>
    /// What removing it frees, once everything used less recently is gone; a file that images or newer entries have in
    /// common with it does not count.
    /// </summary>
    public long Bytes { get; init; }

    /// <summary>The layer of a step, or the name of what is unused.</summary>
    internal Digest? Layer { get; init; }

    /// <summary>The files and directories that go with it.</summary>
    internal ImmutableArray<string> Paths { get; init; } = [];

    /// <summary>The kind as docker and BuildKit name it.</summary>
    public string TypeName => Kind switch
    {
        CacheEntryKind.Step => "regular",
        CacheEntryKind.Mount => "exec.cachemount",
        CacheEntryKind.Download => "source.http",
        CacheEntryKind.Internal => "internal",
        _ => "unused",
    };
}

// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Instructions;

/// <summary>The kinds of <c>RUN --mount=type=...</c>.</summary>
public enum RunMountType
{
    /// <summary>Files of the context, a stage or an image.</summary>
    Bind,

    /// <summary>A directory that outlives the build.</summary>
    Cache,

    /// <summary>An empty tmpfs.</summary>
    Tmpfs,

    /// <summary>A secret as a file or a variable.</summary>
    Secret,

    /// <summary>An SSH agent's socket.</summary>
    Ssh,
}

/// <summary>How steps share a cache mount.</summary>
public enum CacheSharing
{
    /// <summary>Many writers at once.</summary>
    Shared,

    /// <summary>A new directory when another step uses it.</summary>
    Private,

    /// <summary>Wait until the other step is done.</summary>
    Locked,
}

/// <summary>
/// One <c>--mount</c> after expansion, its defaults not yet applied where they depend on the type (null = not given).
/// Source: Dockerfile reference, "RUN --mount".
/// </summary>
public sealed record RunMount
{
    /// <summary>Bind unless <c>type=</c> says otherwise.</summary>
    public required RunMountType Type { get; init; }

    /// <summary><c>target</c>, <c>dst</c> or <c>destination</c>; relative ones are below WORKDIR.</summary>
    public string? Target { get; init; }

    /// <summary><c>source</c> or <c>src</c>: a path in <see cref="From"/>.</summary>
    public string? Source { get; init; }

    /// <summary>A stage, an image or a named context; null means the build context (bind) or nothing (cache).</summary>
    public string? From { get; init; }

    /// <summary><c>rw</c>/<c>readwrite</c> true, <c>ro</c>/<c>readonly</c> false, null when neither is given.</summary>
    public bool? ReadWrite { get; init; }

    /// <summary><c>id</c> of a cache, a secret or an agent.</summary>
    public string? Id { get; init; }

    /// <summary><c>sharing</c> of a cache.</summary>
    public CacheSharing Sharing { get; init; }

    /// <summary><c>size</c> of a tmpfs in bytes.</summary>
    public long? SizeBytes { get; init; }

    /// <summary><c>required</c> of a secret or an agent.</summary>
    public bool Required { get; init; }

    /// <summary><c>env</c>: the variable that shows a secret.</summary>
    public string? EnvironmentVariable { get; init; }

    /// <summary><c>mode</c>, octal.</summary>
    public int? Mode { get; init; }

    /// <summary><c>uid</c>.</summary>
    public uint? UserId { get; init; }

    /// <summary><c>gid</c>.</summary>
    public uint? GroupId { get; init; }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Context;

/// <summary>What the command line says of the sources of a build.</summary>
public sealed record ContextOptions
{
    /// <summary>The context: a directory, a tar archive, a URL of either kind (http, git), or "-" for standard input.</summary>
    public required string Context { get; init; }

    /// <summary><c>-f</c>: a path, a URL, "-" for standard input; null is the context's own Dockerfile.</summary>
    public string? DockerfilePath { get; init; }

    /// <summary><c>--ignorefile</c>, or null.</summary>
    public string? IgnoreFilePath { get; init; }

    /// <summary><c>--build-context NAME=VALUE</c> in order; the last of a name wins.</summary>
    public ImmutableArray<KeyValuePair<string, string>> NamedContexts { get; init; } = [];

    /// <summary>Opens standard input; called at most once.</summary>
    public required Func<Stream> OpenStandardInput { get; init; }
}

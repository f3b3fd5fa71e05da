// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>A helper programme of the host (newuidmap, git, a credential helper) and how to run it.</summary>
public sealed record ProcessRequest
{
    /// <summary>Creates a request; a name without '/' is looked up in this process's PATH.</summary>
    public ProcessRequest(string fileName, params ImmutableArray<string> arguments)
    {
        FileName = fileName;
        Arguments = arguments;
    }

    /// <summary>The programme.</summary>
    public string FileName { get; init; }

    /// <summary>Its arguments, without its own name.</summary>
    public ImmutableArray<string> Arguments { get; init; }

    /// <summary>"NAME=VALUE"; null gives it this process's environment.</summary>
    public ImmutableArray<string>? Environment { get; init; }

    /// <summary>Where it starts; null is where this process is.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>What it reads from its standard input; empty: /dev/null.</summary>
    public ReadOnlyMemory<byte> StandardInput { get; init; }

    /// <summary>At most so much of each output stream is kept; the rest is read and dropped.</summary>
    public int MaxOutputBytes { get; init; } = 1024 * 1024;

    /// <summary>It is killed after this time; null lets it run.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Descriptors of this process that it gets as 3, 4, 5 and so on.</summary>
    public ImmutableArray<int> PassedDescriptors { get; init; } = [];
}

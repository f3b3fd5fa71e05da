// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Running;

/// <summary>What <c>exec</c> asks for; null means as the container itself.</summary>
public sealed record ExecRequest
{
    /// <summary>The command and its arguments.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>"NAME=VALUE" in addition to the container's.</summary>
    public ImmutableArray<string> Environment { get; init; } = [];

    /// <summary><c>-w</c>.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary><c>-u</c>.</summary>
    public string? User { get; init; }

    /// <summary><c>-t</c>.</summary>
    public bool Terminal { get; init; }

    /// <summary><c>-i</c>.</summary>
    public bool Interactive { get; init; }

    /// <summary><c>--privileged</c>.</summary>
    public bool Privileged { get; init; }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Sandbox.ControlGroups;
using Builder.Solver.Operations;

namespace Builder.Executor.Sandbox;

/// <summary>What a process of a sandbox is, however it is isolated: its command, and where, as whom and within which limits.</summary>
internal abstract record ProcessSpec
{
    /// <summary>The command and its arguments; without '/' it is looked up in PATH of <see cref="Environment"/>.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>"NAME=VALUE" in order; the last of a name counts.</summary>
    public ImmutableArray<string> Environment { get; init; } = [];

    /// <summary>Where the command starts; must be there.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>Who it is.</summary>
    public SandboxUser User { get; init; } = SandboxUser.Root;

    /// <summary>Limits, by their names in setrlimit(2).</summary>
    public ImmutableArray<Ulimit> Ulimits { get; init; } = [];

    /// <summary>The control group that it joins, or null. The caller's.</summary>
    public ControlGroup? Group { get; init; }
}

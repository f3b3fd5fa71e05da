// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Sandbox;

/// <summary>A further process in a running container (<c>exec</c>).</summary>
internal sealed record EnterSpec
{
    /// <summary>The process id of the container's first process, in the caller's view; it must be known to be alive.</summary>
    public required int ContainerPid { get; init; }

    /// <summary>The command and its arguments; without '/' it is looked up in PATH of <see cref="Environment"/>.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>"NAME=VALUE" in order.</summary>
    public ImmutableArray<string> Environment { get; init; } = [];

    /// <summary>Where the command starts.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>Who it is; not heeded where the container has one id only.</summary>
    public SandboxUser User { get; init; } = SandboxUser.Root;

    /// <summary>What it may do as root.</summary>
    public CapabilitySet Capabilities { get; init; } = CapabilitySet.Default;

    /// <summary>There is no system call filter.</summary>
    public bool IsPrivileged { get; init; }

    /// <summary>It goes on when this process ends, and dies with the container only.</summary>
    public bool OutlivesCaller { get; init; }

    /// <summary>execve never gives more rights.</summary>
    public bool NoNewPrivileges { get; init; }
}

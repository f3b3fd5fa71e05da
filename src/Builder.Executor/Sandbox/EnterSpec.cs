// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox;

/// <summary>
/// A further process in a running container (<c>exec</c>). Its user is not heeded where the container has one id only.
/// </summary>
internal sealed record EnterSpec : ProcessSpec
{
    /// <summary>The process id of the container's first process, in the caller's view; it must be known to be alive.</summary>
    public required int ContainerPid { get; init; }

    /// <summary>What it may do as root.</summary>
    public CapabilitySet Capabilities { get; init; } = CapabilitySet.Default;

    /// <summary>There is no system call filter.</summary>
    public bool IsPrivileged { get; init; }

    /// <summary>It goes on when this process ends, and dies with the container only.</summary>
    public bool OutlivesCaller { get; init; }

    /// <summary>execve never gives more rights.</summary>
    public bool NoNewPrivileges { get; init; }
}

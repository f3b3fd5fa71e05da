// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Interop;
using Builder.Solver.Operations;

namespace Builder.Executor.Sandbox.Chroot;

/// <summary>What a process in a directory of its own sees and may do, where there are no namespaces.</summary>
internal sealed record ChrootSpec
{
    /// <summary>The root directory, held.</summary>
    public required FileDescriptor Root { get; init; }

    /// <summary>The command and its arguments; without '/' it is looked up in PATH of <see cref="Environment"/>.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>"NAME=VALUE" in order; the last of a name counts.</summary>
    public ImmutableArray<string> Environment { get; init; } = [];

    /// <summary>Where the command starts; must be there.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>Who it is.</summary>
    public SandboxUser User { get; init; } = SandboxUser.Root;

    /// <summary>What it may do as root, as far as this process may; never CAP_SYS_CHROOT.</summary>
    public CapabilitySet Capabilities { get; init; } = CapabilitySet.Default;

    /// <summary>All that this process may do, and no filter; for steps that were allowed to be insecure.</summary>
    public bool IsPrivileged { get; init; }

    /// <summary>It can make no internet sockets, not even to this machine.</summary>
    public bool HasNoNetwork { get; init; }

    /// <summary>Limits.</summary>
    public ImmutableArray<Ulimit> Ulimits { get; init; } = [];

    /// <summary>The control group that limits it, or null. The caller's.</summary>
    public ControlGroups.ControlGroup? Group { get; init; }
}

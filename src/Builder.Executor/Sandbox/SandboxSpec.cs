// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Sandbox.Mounts;
using Builder.Solver.Operations;

namespace Builder.Executor.Sandbox;

/// <summary>
/// What a process in a container sees and may do, as an OCI runtime config says it. The mounts it names belong to the
/// caller, who disposes of them when the process has started.
/// </summary>
internal sealed record SandboxSpec : ProcessSpec
{
    /// <summary>The root file system.</summary>
    public required DetachedMount Root { get; init; }

    /// <summary>The host name.</summary>
    public required string Hostname { get; init; }

    /// <summary>Mounts in order, attached after /proc, /sys and /dev; their mount points are made where missing.</summary>
    public ImmutableArray<SandboxMount> Mounts { get; init; } = [];

    /// <summary>Files that only this container sees (resolv.conf, secrets); they are kept in memory.</summary>
    public ImmutableArray<SandboxFile> Files { get; init; } = [];

    /// <summary>Scripts at /dev/pipes.</summary>
    public ImmutableArray<PipeFile> PipeFiles { get; init; } = [];

    /// <summary>The network.</summary>
    public SandboxNetwork Network { get; init; } = SandboxNetwork.Host;

    /// <summary>What it may do as root.</summary>
    public CapabilitySet Capabilities { get; init; } = CapabilitySet.Default;

    /// <summary>Nothing is masked or read-only, and there is no system call filter.</summary>
    public bool IsPrivileged { get; init; }

    /// <summary>The default system call filter is installed; never for privileged ones.</summary>
    public bool HasSeccompFilter { get; init; } = true;

    /// <summary>execve never gives more rights: set-id programmes run as the caller.</summary>
    public bool NoNewPrivileges { get; init; }

    /// <summary>The root file system may not be written.</summary>
    public bool IsReadOnlyRoot { get; init; }

    /// <summary>Size of /dev/shm; 0 is 64 MiB.</summary>
    public long ShmSizeBytes { get; init; }

    /// <summary>The ledger that keeps owners which the disk cannot hold, or null where it can.</summary>
    public Ledger.OwnershipLedger? Ledger { get; init; }
}

/// <summary>Who a process is. Home is "" when the user has none.</summary>
internal sealed record SandboxUser(uint UserId, uint GroupId, ImmutableArray<uint> Groups, string Home)
{
    /// <summary>The superuser.</summary>
    public static SandboxUser Root { get; } = new(0, 0, [], "/root");
}

/// <summary>A mount to attach.</summary>
/// <param name="Target">Absolute path in the container.</param>
/// <param name="Source">What is attached there; used up by it.</param>
/// <param name="SubPath">Only this file or directory of the source, without links in it; "" is all of it.</param>
internal sealed record SandboxMount(string Target, DetachedMount Source, string SubPath = "");

/// <summary>A file in memory, shown at a path.</summary>
internal sealed record SandboxFile(
    string Target, ReadOnlyMemory<byte> Content, int Mode, uint UserId, uint GroupId);

/// <summary>How a container sees the network.</summary>
internal abstract record SandboxNetwork
{
    /// <summary>The caller's network.</summary>
    public static SandboxNetwork Host { get; } = new HostNetwork();

    /// <summary>Loopback only.</summary>
    public static SandboxNetwork None { get; } = new OwnNetwork(null);
}

/// <summary>The caller's network.</summary>
internal sealed record HostNetwork : SandboxNetwork;

/// <summary>A network namespace of its own; with <c>lo</c> up.</summary>
/// <param name="Connect">Called with the process id in the caller's view before the command is executed, to connect the
/// namespace /proc/PID/ns/net to the outside; null leaves it alone.</param>
internal sealed record OwnNetwork(Action<int>? Connect) : SandboxNetwork;

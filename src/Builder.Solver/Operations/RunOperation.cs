// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Solver.Operations;

/// <summary>How a step sees the network.</summary>
public enum NetworkMode
{
    /// <summary>RUN: the host's network, as rootless BuildKit has it; docs/sandbox.md says why.</summary>
    Default,

    /// <summary>Loopback only.</summary>
    None,

    /// <summary>The caller's network.</summary>
    Host,
}

/// <summary>A resource limit (<c>--ulimit NAME=SOFT[:HARD]</c>); -1 is unlimited.</summary>
public sealed record Ulimit(string Name, long Soft, long Hard);

/// <summary>A line of /etc/hosts (<c>--add-host NAME:ADDRESS</c>; the address may be <c>host-gateway</c>).</summary>
public sealed record HostEntry(string Name, string Address);

/// <summary>A RUN step with everything resolved: what will be executed and what it will see.</summary>
public sealed record RunOperation
{
    /// <summary>The command, shell included; the first is looked up in PATH of <see cref="Environment"/>.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>"NAME=VALUE" in order; part of the key.</summary>
    public required ImmutableArray<string> Environment { get; init; }

    /// <summary>Proxy variables: seen by the command, not part of the key.</summary>
    public ImmutableArray<string> UnkeyedEnvironment { get; init; } = [];

    /// <summary>Absolute; made by WORKDIR, and made here when it is missing.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary>USER's value, resolved in the root's /etc/passwd; "" is root.</summary>
    public required string User { get; init; }

    /// <summary>The platform of the command; null is this machine's.</summary>
    public Platform? Platform { get; init; }

    /// <summary>Mounts in order.</summary>
    public ImmutableArray<StepMount> Mounts { get; init; } = [];

    /// <summary>The network.</summary>
    public NetworkMode Network { get; init; }

    /// <summary><c>--security=insecure</c>.</summary>
    public bool Insecure { get; init; }

    /// <summary>CDI devices (<c>--device</c>).</summary>
    public ImmutableArray<DeviceRequest> Devices { get; init; } = [];

    /// <summary>The host name the command sees.</summary>
    public string Hostname { get; init; } = "buildkitsandbox";

    /// <summary>Lines for /etc/hosts.</summary>
    public ImmutableArray<HostEntry> ExtraHosts { get; init; } = [];

    /// <summary>Size of /dev/shm; 0 is the default of 64 MiB.</summary>
    public long ShmSizeBytes { get; init; }

    /// <summary>Limits.</summary>
    public ImmutableArray<Ulimit> Ulimits { get; init; } = [];

    /// <summary>Scripts put at /dev/pipes/NAME, mode 0755, for here-documents that begin with "#!".</summary>
    public ImmutableArray<PipeFile> PipeFiles { get; init; } = [];
}

/// <summary>A CDI device of a step.</summary>
/// <param name="Name">VENDOR/CLASS, VENDOR/CLASS=NAME or VENDOR/CLASS=*.</param>
/// <param name="Required">The step fails when the machine has no such device.</param>
/// <param name="IsAllowed"><c>--allow</c> permits it; otherwise only one whose specification says so may be used.</param>
public sealed record DeviceRequest(string Name, bool Required, bool IsAllowed);

/// <summary>A script that a RUN here-document becomes.</summary>
public sealed record PipeFile(string Name, string Content);

/// <summary>A mount of a step with its source resolved and its target absolute.</summary>
public abstract record StepMount(string Target);

/// <summary>type=bind: files of a file system; writes are thrown away.</summary>
/// <param name="Target">Absolute path.</param>
/// <param name="Source">The file system.</param>
/// <param name="Path">The path in it, relative; "" is all of it.</param>
/// <param name="ReadWrite">Writes are allowed (and discarded).</param>
public sealed record BindStepMount(string Target, LayerStack Source, string Path, bool ReadWrite) : StepMount(Target);

/// <summary>type=cache: a directory of the store that outlives the build.</summary>
/// <param name="Target">Absolute path.</param>
/// <param name="Id">The cache's id; hashed, never used as a path.</param>
/// <param name="Sharing">How concurrent steps share it.</param>
/// <param name="ReadOnly">The step may not write.</param>
/// <param name="Initial">What a new cache starts with, or null for an empty one.</param>
/// <param name="InitialPath">The path in <paramref name="Initial"/>.</param>
/// <param name="Mode">Mode of a new cache directory.</param>
/// <param name="UserId">Owner of a new cache directory.</param>
/// <param name="GroupId">Group of a new cache directory.</param>
public sealed record CacheStepMount(
    string Target,
    string Id,
    CacheSharing Sharing,
    bool ReadOnly,
    LayerStack? Initial,
    string InitialPath,
    int Mode,
    uint UserId,
    uint GroupId) : StepMount(Target);

/// <summary>type=tmpfs; <paramref name="SizeBytes"/> 0 is the kernel's default.</summary>
public sealed record TmpfsStepMount(string Target, long SizeBytes) : StepMount(Target);

/// <summary>type=secret; <paramref name="Target"/> is "" when it is shown as a variable only.</summary>
public sealed record SecretStepMount(
    string Target, string Id, string? EnvironmentVariable, bool Required, int Mode, uint UserId, uint GroupId)
    : StepMount(Target);

/// <summary>type=ssh: the agent's socket; SSH_AUTH_SOCK points at the first.</summary>
public sealed record SshStepMount(string Target, string Id, bool Required, int Mode, uint UserId, uint GroupId)
    : StepMount(Target);

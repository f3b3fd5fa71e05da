// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Builder.Solver.Operations;

namespace Builder.Executor.Running;

/// <summary>What a container is: decided when it is made, never changed afterwards.</summary>
public sealed record ContainerRecord
{
    /// <summary>64 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary>Its name, unique in the store.</summary>
    public required string Name { get; init; }

    /// <summary>The image as it was asked for.</summary>
    public required string Image { get; init; }

    /// <summary>The digest of the image's config.</summary>
    public required string ImageId { get; init; }

    /// <summary>The image's layers, lowest first.</summary>
    public required ImmutableArray<string> Layers { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>The command, entrypoint included.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>"NAME=VALUE" in order.</summary>
    public ImmutableArray<string> Environment { get; init; } = [];

    /// <summary>Absolute; made when it is missing.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>USER[:GROUP], resolved inside; "" is root.</summary>
    public string User { get; init; } = "";

    /// <summary>Its host name.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>A terminal of its own (<c>-t</c>).</summary>
    public bool Terminal { get; init; }

    /// <summary>Its standard input is open (<c>-i</c>).</summary>
    public bool Interactive { get; init; }

    /// <summary>It runs under a monitor of its own (<c>-d</c>).</summary>
    public bool Detached { get; init; }

    /// <summary>It is removed when it ends (<c>--rm</c>).</summary>
    public bool AutoRemove { get; init; }

    /// <summary>A small pid 1 that reaps and forwards (<c>--init</c>).</summary>
    public bool Init { get; init; }

    /// <summary>Its root cannot be written.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Everything the builder itself may do.</summary>
    public bool Privileged { get; init; }

    /// <summary><c>no_new_privs</c>.</summary>
    public bool NoNewPrivileges { get; init; }

    /// <summary>Capabilities added to the default set, without CAP_; ALL for all.</summary>
    public ImmutableArray<string> AddedCapabilities { get; init; } = [];

    /// <summary>Capabilities taken from the default set, without CAP_; ALL for all.</summary>
    public ImmutableArray<string> DroppedCapabilities { get; init; } = [];

    /// <summary>Mounts in order; volumes have names here.</summary>
    public ImmutableArray<ContainerMount> Mounts { get; init; } = [];

    /// <summary>Volumes made for this container alone and removed with it.</summary>
    public ImmutableArray<string> AnonymousVolumes { get; init; } = [];

    /// <summary>Published ports.</summary>
    public ImmutableArray<PortMapping> Ports { get; init; } = [];

    /// <summary>Ports that the image exposes.</summary>
    public ImmutableArray<string> ExposedPorts { get; init; } = [];

    /// <summary>The network.</summary>
    public ContainerNetwork Network { get; init; }

    /// <summary>Lines for /etc/hosts.</summary>
    public ImmutableArray<HostEntry> ExtraHosts { get; init; } = [];

    /// <summary>Size of /dev/shm; 0 for the default.</summary>
    public long ShmSizeBytes { get; init; }

    /// <summary>Limits.</summary>
    public ImmutableArray<Ulimit> Ulimits { get; init; } = [];

    /// <summary>How much memory it may have; 0 is no limit.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>Time on all cores together in each 100 ms, in microseconds; 0 is no limit.</summary>
    public long CpuMicroseconds { get; init; }

    /// <summary>How many processes it may have; 0 is no limit.</summary>
    public long MaxProcesses { get; init; }

    /// <summary>Labels, the image's included, sorted.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>The signal that asks it to end.</summary>
    public string StopSignal { get; init; } = "SIGTERM";

    /// <summary>Seconds between that signal and SIGKILL.</summary>
    public int StopTimeoutSeconds { get; init; } = 10;

    /// <summary>The first 12 digits of the id.</summary>
    [JsonIgnore]
    public string ShortId => Id[..12];
}

/// <summary>A container's network.</summary>
public enum ContainerNetwork
{
    /// <summary>Private where ports are published or the machine offers one with access outside, else the host's.</summary>
    Default,

    /// <summary>The caller's.</summary>
    Host,

    /// <summary>Loopback only.</summary>
    None,

    /// <summary>One of its own, with access to the outside where the machine offers it.</summary>
    Private,
}

/// <summary>Where a container is in its life.</summary>
public enum ContainerStatus
{
    /// <summary>Made, never started.</summary>
    Created,

    /// <summary>Running.</summary>
    Running,

    /// <summary>Ended.</summary>
    Exited,
}

/// <summary>What changes in a container's life; Created → Running → Exited → Running and so on.</summary>
public sealed record ContainerState
{
    /// <summary>Where it is.</summary>
    public required ContainerStatus Status { get; init; }

    /// <summary>Its first process while it runs, else null.</summary>
    public ProcessIdentity? Process { get; init; }

    /// <summary>The process that watches over it while it runs, else null.</summary>
    public ProcessIdentity? Monitor { get; init; }

    /// <summary>When it was last started.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? Finished { get; init; }

    /// <summary>The status it ended with; 128+n after signal n.</summary>
    public int ExitCode { get; init; }

    /// <summary>Why it could not be started, or "".</summary>
    public string Error { get; init; } = "";

    /// <summary>Ports as published, with the numbers that the kernel chose.</summary>
    public ImmutableArray<PortMapping> Ports { get; init; } = [];
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Operations;
using Builder.Solver.Ports;

namespace Builder.Solver;

/// <summary>What is to be built, with every option that can change the result. Credentials and secrets stay outside.</summary>
public sealed record BuildRequest
{
    /// <summary>The parsed Dockerfile.</summary>
    public required Dockerfile Dockerfile { get; init; }

    /// <summary>The platform of this machine.</summary>
    public required Platform HostPlatform { get; init; }

    /// <summary><c>--platform</c>; empty means the host's.</summary>
    public ImmutableArray<Platform> Platforms { get; init; } = [];

    /// <summary><c>--target</c>: a stage's name or number; null means the last stage.</summary>
    public string? Target { get; init; }

    /// <summary><c>--build-arg</c> in order, the last of a name wins; values from the environment are filled in.</summary>
    public ImmutableArray<KeyValuePair<string, string>> BuildArgs { get; init; } = [];

    /// <summary><c>--label</c> in order.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Labels { get; init; } = [];

    /// <summary><c>--no-cache</c>: run every step.</summary>
    public bool NoCache { get; init; }

    /// <summary><c>--no-cache-filter</c>: stages of which every step runs.</summary>
    public ImmutableArray<string> NoCacheFilter { get; init; } = [];

    /// <summary><c>--pull</c>.</summary>
    public PullPolicy Pull { get; init; }

    /// <summary><c>--network</c>: what steps without a flag of their own get.</summary>
    public NetworkMode Network { get; init; }

    /// <summary><c>--allow network.host</c>: RUN --network=host is permitted.</summary>
    public bool AllowHostNetwork { get; init; }

    /// <summary><c>--allow security.insecure</c>.</summary>
    public bool AllowInsecure { get; init; }

    /// <summary><c>--allow device</c>.</summary>
    public bool AllowDevices { get; init; }

    /// <summary><c>--allow device=VENDOR/CLASS[=NAME]</c>.</summary>
    public ImmutableArray<string> AllowedDevices { get; init; } = [];

    /// <summary><c>--add-host</c>.</summary>
    public ImmutableArray<HostEntry> ExtraHosts { get; init; } = [];

    /// <summary><c>--shm-size</c>; 0 is the default.</summary>
    public long ShmSizeBytes { get; init; }

    /// <summary><c>--ulimit</c>.</summary>
    public ImmutableArray<Ulimit> Ulimits { get; init; } = [];

    /// <summary>SOURCE_DATE_EPOCH or <c>--timestamp</c> as given; null when not set.</summary>
    public string? SourceDateEpoch { get; init; }

    /// <summary>
    /// Names what is built over time, for explanations of misses: the Dockerfile's absolute path. It is in no key; null
    /// means the name of the Dockerfile's text.
    /// </summary>
    public string? Project { get; init; }

    /// <summary>The step cache is shared with other machines, which know the project by another path.</summary>
    public bool SharesCache { get; init; }

    /// <summary>How many steps may run at the same time.</summary>
    public int Jobs { get; init; } = 4;
}

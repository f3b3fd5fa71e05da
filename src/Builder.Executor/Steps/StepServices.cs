// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Devices;
using Builder.Executor.RemoteCache.Mounts;
using Builder.Executor.Sandbox.ControlGroups;
using Builder.Executor.Sandbox.Isolation;

namespace Builder.Executor.Steps;

/// <summary>What the command line and the machine give to RUN steps beyond their files.</summary>
public sealed record StepServices
{
    /// <summary>
    /// How RUN isolates its command. <see cref="IsolationRung.Native"/> and the user namespaces are one here: namespaces
    /// made by this process, wherever it is.
    /// </summary>
    public IsolationChoice Isolation { get; init; } = IsolationChoice.Of(IsolationRung.Native);

    /// <summary>What the processes of one step may use together.</summary>
    public GroupLimits Limits { get; init; } = GroupLimits.None;

    /// <summary>The value of a secret by id, read when a step needs it; null when none was given.</summary>
    public Func<string, byte[]?> FindSecret { get; init; } = _ => null;

    /// <summary>The path of an agent's socket by id ("default" is $SSH_AUTH_SOCK's); null when none was given.</summary>
    public Func<string, string?> FindSshAgent { get; init; } = _ => null;

    /// <summary>Contents of cache mounts that other machines have; null when none are shared.</summary>
    public SharedCacheMounts? CacheMounts { get; init; }

    /// <summary>Where CDI specifications are, the weightiest last.</summary>
    public ImmutableArray<string> DeviceDirectories { get; init; } = DeviceCatalogue.DefaultDirectories;
}

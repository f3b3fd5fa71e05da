// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.RemoteCache.Mounts;

namespace Builder.Executor.Steps;

/// <summary>What the command line gives to RUN steps beyond their files.</summary>
public sealed record StepServices
{
    /// <summary>The value of a secret by id, read when a step needs it; null when none was given.</summary>
    public Func<string, byte[]?> FindSecret { get; init; } = _ => null;

    /// <summary>The path of an agent's socket by id ("default" is $SSH_AUTH_SOCK's); null when none was given.</summary>
    public Func<string, string?> FindSshAgent { get; init; } = _ => null;

    /// <summary>Contents of cache mounts that other machines have; null when none are shared.</summary>
    public SharedCacheMounts? CacheMounts { get; init; }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;

namespace Builder.Solver.Images;

/// <summary>
/// An image's config: the OCI fields and docker's extensions (Healthcheck, OnBuild, Shell, ArgsEscaped). Source:
/// image-spec, config.md. Null means that the field is absent, which differs from an empty one for Cmd and Entrypoint.
/// </summary>
public sealed record ImageConfig
{
    /// <summary>What the image runs on.</summary>
    public required Platform Platform { get; init; }

    /// <summary><c>created</c>; null when the image does not say.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary><c>author</c> (MAINTAINER).</summary>
    public string? Author { get; init; }

    /// <summary><c>config.Env</c>: "NAME=VALUE" in order.</summary>
    public ImmutableArray<string> Env { get; init; } = [];

    /// <summary><c>config.User</c>.</summary>
    public string? User { get; init; }

    /// <summary><c>config.WorkingDir</c>.</summary>
    public string? WorkingDir { get; init; }

    /// <summary><c>config.Entrypoint</c>; null when absent.</summary>
    public ImmutableArray<string>? Entrypoint { get; init; }

    /// <summary><c>config.Cmd</c>; null when absent.</summary>
    public ImmutableArray<string>? Cmd { get; init; }

    /// <summary>docker's <c>config.ArgsEscaped</c>: Cmd is one shell line (shell form).</summary>
    public bool ArgsEscaped { get; init; }

    /// <summary><c>config.ExposedPorts</c>: "8000/tcp", sorted.</summary>
    public ImmutableSortedSet<string> ExposedPorts { get; init; } = [];

    /// <summary><c>config.Volumes</c>, sorted.</summary>
    public ImmutableSortedSet<string> Volumes { get; init; } = [];

    /// <summary><c>config.Labels</c>, sorted by key.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary><c>config.StopSignal</c>.</summary>
    public string? StopSignal { get; init; }

    /// <summary>docker's <c>config.Healthcheck</c>.</summary>
    public HealthCheck? HealthCheck { get; init; }

    /// <summary>docker's <c>config.OnBuild</c>: triggers as text.</summary>
    public ImmutableArray<string> OnBuild { get; init; } = [];

    /// <summary>docker's <c>config.Shell</c>; empty when absent.</summary>
    public ImmutableArray<string> Shell { get; init; } = [];

    /// <summary><c>rootfs.diff_ids</c>.</summary>
    public LayerStack RootFs { get; init; } = LayerStack.Empty;

    /// <summary><c>history</c>, oldest first.</summary>
    public ImmutableArray<HistoryEntry> History { get; init; } = [];

    /// <summary>The value of an Env variable, or null.</summary>
    public string? FindEnv(string name)
    {
        for (int i = Env.Length - 1; i >= 0; i--)
        {
            if (Env[i].Length > name.Length && Env[i][name.Length] == '='
                && Env[i].StartsWith(name, StringComparison.Ordinal))
            {
                return Env[i][(name.Length + 1)..];
            }
        }

        return null;
    }
}

/// <summary>One entry of <c>history</c>.</summary>
public sealed record HistoryEntry
{
    /// <summary><c>created</c>.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary><c>created_by</c>, in BuildKit's form: <c>RUN /bin/sh -c x # buildkit</c>.</summary>
    public string? CreatedBy { get; init; }

    /// <summary><c>comment</c>.</summary>
    public string? Comment { get; init; }

    /// <summary><c>author</c>.</summary>
    public string? Author { get; init; }

    /// <summary><c>empty_layer</c>: no layer belongs to it.</summary>
    public bool EmptyLayer { get; init; }
}

/// <summary>docker's Healthcheck; durations in nanoseconds when written, null (or 0) inherits.</summary>
public sealed record HealthCheck
{
    /// <summary><c>["NONE"]</c>, <c>["CMD", ...]</c> or <c>["CMD-SHELL", line]</c>; empty inherits.</summary>
    public ImmutableArray<string> Test { get; init; } = [];

    /// <summary>Time between probes.</summary>
    public TimeSpan? Interval { get; init; }

    /// <summary>Time a probe may take.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Time in which failures do not count.</summary>
    public TimeSpan? StartPeriod { get; init; }

    /// <summary>Time between probes during the start period.</summary>
    public TimeSpan? StartInterval { get; init; }

    /// <summary>Failures in a row that make it unhealthy.</summary>
    public int? Retries { get; init; }
}

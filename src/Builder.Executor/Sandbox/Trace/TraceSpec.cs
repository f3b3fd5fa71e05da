// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Operations;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>A command to run under the tracer, and what it sees. It believes to be its user.</summary>
internal sealed record TraceSpec : ProcessSpec
{
    /// <summary>The root: a plain directory that belongs to this process's user.</summary>
    public required FileDescriptor Root { get; init; }

    /// <summary>Its owners.</summary>
    public required OwnerStore Owners { get; init; }

    /// <summary>An empty directory of the command's own, beside the root and not in it; it must allow executing.</summary>
    public required string Scratch { get; init; }

    /// <summary>The host name it is told.</summary>
    public string Hostname { get; init; } = "localhost";

    /// <summary>What stands at other paths, in order; their places are made where missing.</summary>
    public ImmutableArray<TraceMount> Mounts { get; init; } = [];

    /// <summary>Files that are kept in memory.</summary>
    public ImmutableArray<SandboxFile> Files { get; init; } = [];

    /// <summary>Scripts at /dev/pipes.</summary>
    public ImmutableArray<PipeFile> PipeFiles { get; init; } = [];

    /// <summary>False: it can make no sockets but local ones.</summary>
    public bool HasNetwork { get; init; } = true;
}

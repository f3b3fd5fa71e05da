// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.ControlGroups;
using Builder.Executor.Snapshots;
using Builder.Solver.Images;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>One RUN step, as the ways to run it need it.</summary>
internal sealed record StepContext
{
    private const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The store.</summary>
    public required Store Store { get; init; }

    /// <summary>What to run.</summary>
    public required RunOperation Operation { get; init; }

    /// <summary>The file system it starts from.</summary>
    public required LayerStack Parent { get; init; }

    /// <summary>The same, for reading; null for an empty one.</summary>
    public required MergedTree? Tree { get; init; }

    /// <summary>The directories of the parent's snapshots, top first.</summary>
    public required IReadOnlyList<string> Snapshots { get; init; }

    /// <summary>Secrets and variables; the mounts themselves are with their maker.</summary>
    public required StepMounts Mounts { get; init; }

    /// <summary>The layer in the making.</summary>
    public required LayerDraft Draft { get; init; }

    /// <summary>Who runs it.</summary>
    public required SandboxUser User { get; init; }

    /// <summary>A directory of the step's own under tmp/.</summary>
    public required string Scratch { get; init; }

    /// <summary>The control group of its processes, or null.</summary>
    public ControlGroup? Group { get; init; }

    /// <summary>The command's variables.</summary>
    public ImmutableArray<string> Environment()
    {
        ImmutableArray<string> given =
            [.. Operation.Environment, .. Operation.UnkeyedEnvironment, .. Mounts.Environment];
        if (!given.Any(entry => entry.StartsWith("PATH=", StringComparison.Ordinal)))
        {
            given = given.Insert(0, DefaultPath);
        }

        return given.Any(entry => entry.StartsWith("HOME=", StringComparison.Ordinal))
            ? given
            : given.Add("HOME=" + (User.Home.Length == 0 ? "/" : User.Home));
    }

    /// <summary>Files that the step sees and that belong to no layer: resolv.conf, hosts, secrets.</summary>
    public ImmutableArray<SandboxFile> Files() => [.. StepNetworkFiles.Create(Operation), .. Mounts.Files];

    /// <summary>True when the working directory lies below one of these mounts, which have it or not.</summary>
    public bool IsWorkingDirectoryBelow(IEnumerable<string> targets) => targets.Any(target =>
        (Operation.WorkingDirectory + "/").StartsWith(target.TrimEnd('/') + "/", StringComparison.Ordinal));
}

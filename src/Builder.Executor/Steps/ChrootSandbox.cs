// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Snapshots;

namespace Builder.Executor.Steps;

/// <summary>A step in a directory of its own, entered with chroot(2) by real root: for pods that allow no namespaces.</summary>
internal sealed class ChrootSandbox(StepContext step, DirectoryMounts mounts, CopiedRootPool roots)
    : CopiedRootSandbox(step, mounts, roots)
{
    /// <inheritdoc/>
    protected override ExitStatus RunInRoot(StepStreams streams, CancellationToken cancellationToken) =>
        throw new Sandbox.SandboxException("isolation chroot: this version of bld cannot use it yet");
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Ledger;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Snapshots;

namespace Builder.Executor.Steps;

/// <summary>
/// A container of namespaces whose root is an overlay of the parent's snapshots and a fresh upper: the draft's directory.
/// </summary>
internal sealed class NamespaceSandbox(StepContext step, NamespaceMounts mounts) : StepSandbox(step)
{
    /// <inheritdoc/>
    public override ExitStatus Run(StepStreams streams, CancellationToken cancellationToken)
    {
        using DetachedMount root = MountRoot();
        EnsureWorkingDirectory(root);
        using OwnershipLedger? ledger = HostFacts.Current.HasSingleId
            ? new OwnershipLedger(Step.User, Step.Draft.Owners, Step.Draft.FilesPath)
            : null;
        using SandboxProcess process = SandboxProcess.Start(
            NamespaceStep.Specify(Step, mounts, root) with { Ledger = ledger }, streams.CommandSide);
        streams.HandOver();
        using (cancellationToken.Register(() => process.Kill(Libc.SigKill)))
        {
            streams.Pump(process.Process);
            ExitStatus status = process.Wait();
            process.RemoveMountPoints(Step.Draft.FilesPath);
            return status;
        }
    }

    /// <inheritdoc/>
    public override void Collect(CancellationToken cancellationToken)
    {
        if (Step.Tree is not null)
        {
            UnchangedEntries.Remove(Step.Draft.FilesPath, Step.Draft.Owners, Step.Tree, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        // Whatever there was ended with the container.
    }

    private DetachedMount MountRoot()
    {
        string points = Path.Combine(Step.Scratch, "points");
        Directory.CreateDirectory(points);
        MountPointLayer.Create(points, Step.Tree, NamespaceStep.MountPoints(Step, mounts));
        return OverlayMount.Create(new OverlayDirectories(
            [.. Step.Snapshots.Select(snapshot => Path.Combine(snapshot, SnapshotStore.FilesDirectory)), points],
            Step.Draft.FilesPath,
            Step.Draft.WorkPath,
            HostFacts.Current.IsInUserNamespace));
    }

    // WORKDIR made it; when it is gone since, it is made again, as a change of this step.
    private void EnsureWorkingDirectory(DetachedMount root)
    {
        if (!Step.IsWorkingDirectoryBelow(mounts.Mounts.Select(mount => mount.Target)))
        {
            new MountPoints(root.Handle).Ensure(
                "/" + CanonicalPath.Resolve(Step.Tree, Step.Operation.WorkingDirectory), isDirectory: true);
        }
    }
}

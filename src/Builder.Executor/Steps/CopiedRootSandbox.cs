// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Snapshots;
using Builder.Solver.Images;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Steps;

/// <summary>
/// A step on a plain directory that holds the parent's file system: what was changed in it is found by comparison and
/// moved into the draft, and the directory is kept for the next step.
/// </summary>
internal abstract class CopiedRootSandbox(StepContext step, DirectoryMounts mounts, CopiedRootPool roots)
    : StepSandbox(step)
{
    private CopiedRoot? _root;

    /// <summary>The mounts that are directories.</summary>
    protected DirectoryMounts Mounts { get; } = mounts;

    /// <summary>Where the step will see something that is not in the root.</summary>
    protected virtual IEnumerable<string> MountTargets => Mounts.Mounts.Select(mount => mount.Target);

    /// <summary>The root; while the step runs.</summary>
    protected CopiedRoot Root => _root ?? throw new InvalidOperationException("there is no root yet");

    /// <inheritdoc/>
    public sealed override ExitStatus Run(StepStreams streams, CancellationToken cancellationToken)
    {
        _root = roots.Take(Step.Parent, cancellationToken);
        EnsureWorkingDirectory();
        return RunInRoot(streams, cancellationToken);
    }

    /// <inheritdoc/>
    public override void Collect(CancellationToken cancellationToken) =>
        Root.CollectChanges(Step.Draft, Step.Tree, ForeignInodes(), cancellationToken);

    /// <inheritdoc/>
    public override void Committed(LayerStack content)
    {
        roots.Keep(Root, content);
        _root = null;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _root?.Dispose();
        _root = null;
    }

    /// <summary>Runs the command; the working directory is there.</summary>
    protected abstract ExitStatus RunInRoot(StepStreams streams, CancellationToken cancellationToken);

    /// <summary>Inodes that were put into the root and belong to no layer, wherever the command has moved them.</summary>
    protected virtual IReadOnlySet<ulong> ForeignInodes() => new HashSet<ulong>();

    /// <summary>Where a path of the step is in the root, as an absolute path without links.</summary>
    protected string Resolve(string path) => "/" + CanonicalPath.Resolve(Step.Tree, path);

    // WORKDIR made it; when it is gone since, it is made again, as a change of this step.
    private void EnsureWorkingDirectory()
    {
        if (!Step.IsWorkingDirectoryBelow(MountTargets))
        {
            using SafeFileHandle handle = AtCalls.Open(Root.FilesPath, OpenFlags.DirectoryPath).Release();
            new MountPoints(handle).Ensure(Resolve(Step.Operation.WorkingDirectory), isDirectory: true);
        }
    }
}

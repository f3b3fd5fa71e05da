// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Spawning;
using Builder.Solver.Images;

namespace Builder.Executor.Steps;

/// <summary>
/// Where a RUN step's command runs, one kind for each way to isolate it. It makes the parent's file system the command's
/// root, runs the command, and leaves in the draft what the command changed, as an overlay upper would have it: the same
/// command gives the same draft, whatever the kind. Disposing leaves nothing behind, no mount, no file, no process.
/// </summary>
internal abstract class StepSandbox(StepContext step) : IDisposable
{
    /// <summary>The step.</summary>
    protected StepContext Step { get; } = step;

    /// <summary>What a command may have failed for that succeeds elsewhere; null for nothing.</summary>
    public virtual string? FailureHint => null;

    /// <summary>Makes the root, runs the command to its end and gives back how it ended; nothing of it runs any more.</summary>
    /// <exception cref="Sandbox.SandboxException">It could not be started.</exception>
    public abstract ExitStatus Run(StepStreams streams, CancellationToken cancellationToken);

    /// <summary>Puts what the command changed into the draft. After a success only.</summary>
    public abstract void Collect(CancellationToken cancellationToken);

    /// <summary>Told what the step's file system is, once its layer is committed: the parent's when nothing changed.</summary>
    public virtual void Committed(LayerStack content)
    {
    }

    /// <inheritdoc/>
    public abstract void Dispose();
}

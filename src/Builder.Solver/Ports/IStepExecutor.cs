// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Operations;

namespace Builder.Solver.Ports;

/// <summary>What a step made.</summary>
/// <param name="Layer">The layer; null when the step changed nothing and there is none.</param>
/// <param name="SizeBytes">The sum of the sizes of the regular files in it.</param>
public sealed record LayerResult(DiffId? Layer, long SizeBytes);

/// <summary>Receives the output of a running step, in order; called from one thread at a time per step.</summary>
public interface IStepOutput
{
    /// <summary>Bytes that the step wrote.</summary>
    void Write(bool isStandardError, ReadOnlySpan<byte> bytes);
}

/// <summary>
/// Does the work of steps. A finished step's layer is committed: it survives <c>kill -9</c> from then on. Thread-safe:
/// independent steps run at the same time.
/// </summary>
public interface IStepExecutor
{
    /// <summary>Opens a file system for reading; fetches and unpacks the layers that are not there yet.</summary>
    Task<IFileTree> OpenTreeAsync(LayerStack stack, CancellationToken cancellationToken);

    /// <summary>True when the layer can be had without running its step: it is in the store or a known registry has it.</summary>
    bool HasLayer(DiffId layer);

    /// <summary>Executes RUN and makes a layer of what it changed.</summary>
    /// <exception cref="Frontend.BuildException">The command failed (<see cref="StepFailedException"/>) or could not be
    /// started.</exception>
    Task<LayerResult> RunAsync(
        RunOperation operation, LayerStack parent, IStepOutput output, CancellationToken cancellationToken);

    /// <summary>Writes a layer entry by entry (COPY, ADD, WORKDIR).</summary>
    Task<LayerResult> WriteLayerAsync(LayerPlan plan, LayerStack parent, CancellationToken cancellationToken);
}

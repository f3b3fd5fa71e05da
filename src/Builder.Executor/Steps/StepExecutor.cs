// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Executor.Snapshots;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Ports;

namespace Builder.Executor.Steps;

/// <summary>Does the work of steps on a store, until it is disposed of. Thread-safe.</summary>
public sealed class StepExecutor : IStepExecutor, IDisposable
{
    private readonly Store _store;
    private readonly ILayerFetcher? _fetcher;
    private readonly RunStep _run;
    private readonly CopyStep _copy;
    private readonly CopiedRootPool _roots;

    /// <summary>Creates an executor.</summary>
    /// <param name="store">Where layers are read and committed.</param>
    /// <param name="fetcher">Brings layers that the store does not hold, or null.</param>
    /// <param name="services">Secrets and agents.</param>
    public StepExecutor(Store store, ILayerFetcher? fetcher, StepServices services)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _fetcher = fetcher;
        _roots = new CopiedRootPool(store);
        _run = new RunStep(store, fetcher, services, _roots);
        _copy = new CopyStep(store.Snapshots, store.CachePath);
    }

    /// <inheritdoc/>
    public Task<IFileTree> OpenTreeAsync(LayerStack stack, CancellationToken cancellationToken) => NameDiskAsync(async () =>
    {
        await _store.Snapshots.EnsureAsync(stack, _fetcher, cancellationToken).ConfigureAwait(false);
        return (IFileTree)_store.Snapshots.Open(stack);
    });

    /// <inheritdoc/>
    public bool HasLayer(DiffId layer) =>
        _store.Snapshots.HasSnapshot(layer)
        || _store.Layers.Find(layer, verifiedOnly: false).Any(blob => _store.Blobs.IsFile(blob.Digest))
        || _fetcher?.CanFetch(layer) == true;

    /// <inheritdoc/>
    public Task<LayerResult> RunAsync(
        RunOperation operation, LayerStack parent, IStepOutput output, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(operation);
        ArgumentNullException.ThrowIfNull(parent);
        ArgumentNullException.ThrowIfNull(output);
        return NameDiskAsync(() => _run.RunAsync(operation, parent, output, cancellationToken));
    }

    /// <inheritdoc/>
    public Task<LayerResult> WriteLayerAsync(LayerPlan plan, LayerStack parent, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return NameDiskAsync(() => _copy.RunAsync(plan, parent, cancellationToken));
    }

    /// <summary>What fails because of the disk says so, with what to do, at the step's place.</summary>
    private static async Task<T> NameDiskAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (IOException failure) when (LinuxException.FromDisk(failure) is { } known)
        {
            throw known;
        }
    }

    /// <summary>Removes what was kept for further steps.</summary>
    public void Dispose() => _roots.Dispose();
}

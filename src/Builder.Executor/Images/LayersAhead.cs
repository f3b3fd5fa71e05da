// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using Builder.Frontend;
using Builder.Solver.Images;
using Builder.Solver.Ports;

namespace Builder.Executor.Images;

/// <summary>Brings a layer to where it will be wanted; a second time it finds it there.</summary>
/// <param name="layer">The layer.</param>
/// <param name="isInImage">It is one of the image's own.</param>
/// <param name="cancellationToken">Cancels.</param>
public delegate Task LayerCarrier(DiffId layer, bool isInImage, CancellationToken cancellationToken);

/// <summary>
/// Compresses and sends finished layers while later steps still run. It only does earlier what is done after the build
/// anyway: what fails here is tried again then, and reported then. Disposing ends what is under way. Thread-safe.
/// </summary>
public sealed class LayersAhead : IFinishedLayers, IAsyncDisposable
{
    private readonly IReadOnlyCollection<LayerCarrier> _carriers;
    private readonly ConcurrentDictionary<(DiffId Layer, bool IsInImage), Task> _tasks = new();
    private readonly ConcurrentDictionary<LayerCarrier, bool> _failed = new();
    private readonly CancellationTokenSource _stop;

    /// <summary>Begins; nothing is done until a layer is there.</summary>
    public LayersAhead(IReadOnlyCollection<LayerCarrier> carriers, CancellationToken cancellationToken)
    {
        _carriers = carriers;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    /// <inheritdoc/>
    public void Add(DiffId layer, bool isInImage)
    {
        CancellationToken token = _stop.Token;
        _tasks.GetOrAdd(
            (layer, isInImage),
            _ => Task.WhenAll(_carriers.Select(carrier => Task.Run(() => CarryAsync(carrier, layer, isInImage, token), token))));
    }

    /// <summary>Waits for what is under way.</summary>
    public Task FinishAsync() => Task.WhenAll(_tasks.Values);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await FinishAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // That was the wish.
        }

        _stop.Dispose();
    }

    private async Task CarryAsync(
        LayerCarrier carrier, DiffId layer, bool isInImage, CancellationToken cancellationToken)
    {
        if (_failed.ContainsKey(carrier))
        {
            return;
        }

        try
        {
            await carrier(layer, isInImage, cancellationToken).ConfigureAwait(false);
        }
        catch (BuildException)
        {
            // Whoever needs the layer there will try it again, and say what is wrong: no need to fail with each one.
            _failed[carrier] = true;
        }
    }
}

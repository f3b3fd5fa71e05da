// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Solver.Images;

namespace Builder.Executor.Snapshots;

/// <summary>
/// Keeps the trees of steps that are done for steps that go on from there, so that a chain of RUNs copies its base once
/// and then only what each step changed. Thread-safe.
/// </summary>
internal sealed class CopiedRootPool : IDisposable
{
    private const int MaxKept = 4; // each is a whole file system on disk

    private readonly Store _store;
    private readonly Lock _lock = new();
    private readonly List<CopiedRoot> _kept = [];

    /// <summary>A pool of a store.</summary>
    public CopiedRootPool(Store store)
    {
        _store = store;
    }

    /// <summary>A tree that holds a file system, for the caller alone. Its snapshots must be there.</summary>
    public CopiedRoot Take(LayerStack content, CancellationToken cancellationToken)
    {
        CopiedRoot root = TakeNearest(content) ?? CopiedRoot.Create(_store, content, cancellationToken);
        try
        {
            root.Prepare(content, cancellationToken);
            return root;
        }
        catch
        {
            root.Dispose();
            throw;
        }
    }

    /// <summary>Keeps a tree whose layer was committed.</summary>
    public void Keep(CopiedRoot root, LayerStack content)
    {
        root.MoveOn(content);
        CopiedRoot? dropped = null;
        lock (_lock)
        {
            _kept.Add(root);
            if (_kept.Count > MaxKept)
            {
                dropped = _kept[0];
                _kept.RemoveAt(0);
            }
        }

        dropped?.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _kept.ForEach(root => root.Dispose());
            _kept.Clear();
        }
    }

    private CopiedRoot? TakeNearest(LayerStack content)
    {
        lock (_lock)
        {
            CopiedRoot? nearest = _kept
                .Where(root => !root.Content.IsEmpty
                    && content.Layers.AsSpan().StartsWith(root.Content.Layers.AsSpan()))
                .MaxBy(root => root.Content.Layers.Length);
            if (nearest is not null)
            {
                _kept.Remove(nearest);
            }

            return nearest;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Content;

/// <summary>
/// Removes what nothing needs any more, by mark and sweep. Roots are images (with all forms of their layers), what names
/// mean, step records, and every digest that stands in a container's own files. It runs only while no other process
/// brings anything in; when one does, the wish is left behind and the next build that ends fulfils it.
/// </summary>
public sealed class GarbageCollector
{
    private const int DigestCharacters = 7 /* sha256: */ + 64;

    private readonly Store _store;

    /// <summary>A collector of one collection.</summary>
    public GarbageCollector(Store store)
    {
        _store = store;
    }

    /// <summary>How many bytes the last collection freed: of blobs and of the files of snapshots.</summary>
    public long FreedBytes { get; private set; }

    /// <summary>True when the last collection took place.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Collects; gives the layers that went. Nothing happens while another process uses the store.</summary>
    public ImmutableArray<Digest> TryCollect()
    {
        using IDisposable? alone = _store.TryUseAlone();
        if (alone is null)
        {
            _store.WantsCollection = true;
            return [];
        }

        var needed = new ReachableContent(_store);
        needed.AddImages();
        needed.AddContainers();
        needed.AddRecords();
        needed.AddLayerForms();
        ImmutableArray<Digest> layers = Sweep(needed);
        _store.Locks.RemoveLeftOver();
        _store.WantsCollection = false;
        IsDone = true;
        return layers;
    }

    private ImmutableArray<Digest> Sweep(ReachableContent needed)
    {
        var layers = ImmutableArray.CreateBuilder<Digest>();
        foreach (Digest name in _store.Snapshots.List().Where(name => !needed.Snapshots.Contains(name)).ToArray())
        {
            FreedBytes += _store.Snapshots.FindSize(new DiffId(name))?.ContentBytes ?? 0;
            _store.Snapshots.Remove(name);
            layers.Add(name);
        }

        foreach (Digest blob in _store.Blobs.List().Where(blob => !needed.Blobs.Contains(blob)).ToArray())
        {
            FreedBytes += _store.Blobs.FindSize(blob) ?? 0;
            _store.Blobs.Remove(blob);
        }

        foreach (DiffId layer in _store.Layers.List().ToArray())
        {
            if (!_store.Layers.Find(layer, verifiedOnly: false).Any(form => _store.Blobs.IsFile(form.Digest)))
            {
                _store.Layers.RemoveAll(layer);
            }
        }

        SweepCopies();
        return layers.ToImmutable();
    }

    /// <summary>What was noted of the files of layers goes with them.</summary>
    private void SweepCopies()
    {
        string directory = Path.Combine(_store.CachePath, "copies");
        foreach (string path in Directory.Exists(directory) ? Directory.GetFiles(directory) : [])
        {
            bool isPlace = new FileInfo(path).Length == DigestCharacters;
            string layer = isPlace ? File.ReadAllText(path) : $"sha256:{Path.GetFileName(path)}";
            if (!Digest.TryParse(layer, out Digest digest) || !_store.Snapshots.HasSnapshot(new DiffId(digest)))
            {
                File.Delete(path);
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Content;

/// <summary>
/// Removes what nothing needs any more, by mark and sweep. Roots are images (with all forms of their layers), what names
/// mean, and every digest that stands in a step record or in a container's own files. It runs only while no other process
/// brings anything in.
/// </summary>
public sealed class GarbageCollector
{
    private const int HexDigits = 64;
    private const int MaxRecordBytes = 16 * 1024 * 1024;

    private readonly Store _store;
    private readonly HashSet<Digest> _blobs = [];
    private readonly HashSet<Digest> _snapshots = [];

    /// <summary>A collector of one collection.</summary>
    public GarbageCollector(Store store)
    {
        _store = store;
    }

    /// <summary>How many bytes the last collection freed: of blobs and of the files of snapshots.</summary>
    public long FreedBytes { get; private set; }

    /// <summary>Collects; gives the layers that went. Nothing happens while another process uses the store.</summary>
    public ImmutableArray<Digest> TryCollect()
    {
        using IDisposable? alone = _store.TryUseAlone();
        if (alone is null)
        {
            return [];
        }

        Mark();
        return Sweep();
    }

    private void Mark()
    {
        foreach ((Digest id, ImageRecord record) in _store.Images.Records())
        {
            MarkImage(id, record.Manifest.Digest);
        }

        foreach ((_, Digest target) in _store.References.List())
        {
            MarkManifest(target);
        }

        foreach (string directory in (string[])[_store.CachePath, _store.ContainersPath])
        {
            MarkMentioned(directory);
        }

        // Every form of a layer that is kept is kept: the next push finds it.
        foreach (DiffId layer in _store.Layers.List())
        {
            if (_snapshots.Contains(layer.Value) || _blobs.Contains(layer.Value))
            {
                _blobs.UnionWith(_store.Layers.Find(layer, verifiedOnly: false).Select(form => form.Digest));
            }
        }
    }

    private void MarkImage(Digest id, Digest manifest)
    {
        _blobs.Add(id);
        MarkManifest(manifest);
        try
        {
            if (_store.Blobs.TryReadAll(id, OciJson.MaxConfigBytes) is { } json)
            {
                MarkStack(ImageConfigJson.Parse(json).RootFs);
            }
        }
        catch (ContentException)
        {
            // A damaged config: what it named is kept only by others.
        }
    }

    private void MarkManifest(Digest digest)
    {
        if (!_blobs.Add(digest))
        {
            return;
        }

        try
        {
            if (_store.Blobs.TryReadAll(digest, OciJson.MaxManifestBytes) is not { } json)
            {
                return;
            }

            if (MediaTypes.IsIndex(OciJson.DetectMediaType(json)))
            {
                foreach (Descriptor entry in OciJson.ParseIndex(json).Manifests)
                {
                    MarkManifest(entry.Digest);
                }
            }
            else
            {
                Manifest manifest = OciJson.ParseManifest(json);
                _blobs.Add(manifest.Config.Digest);
                _blobs.UnionWith(manifest.Layers.Select(layer => layer.Digest));
            }
        }
        catch (ContentException)
        {
        }
    }

    private void MarkStack(LayerStack stack)
    {
        for (int i = 1; i <= stack.Layers.Length; i++)
        {
            _snapshots.Add(stack.Layers[i - 1].Value);
            _snapshots.Add(LayerStack.ComputeChainId(stack.Layers.AsSpan()[..i]));
        }
    }

    /// <summary>Marks everything that looks like a digest in the files of a directory; too much is safe.</summary>
    private void MarkMentioned(string directory)
    {
        foreach (string path in Directory.EnumerateFiles(directory, "*", new EnumerationOptions
        {
            RecurseSubdirectories = true,
            MaxRecursionDepth = 2,
            AttributesToSkip = FileAttributes.ReparsePoint,
            IgnoreInaccessible = true,
        }))
        {
            var file = new FileInfo(path);
            if (file.Length > MaxRecordBytes || path.EndsWith(".log", StringComparison.Ordinal))
            {
                continue;
            }

            foreach (Digest digest in Mentioned(Encoding.Latin1.GetString(File.ReadAllBytes(path))))
            {
                _blobs.Add(digest);
                _snapshots.Add(digest);
            }
        }
    }

    private static IEnumerable<Digest> Mentioned(string text)
    {
        int start = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && char.IsAsciiHexDigitLower(text[i]))
            {
                continue;
            }

            if (i - start == HexDigits)
            {
                yield return Digest.FromHex(text[start..i]);
            }

            start = i + 1;
        }
    }

    private ImmutableArray<Digest> Sweep()
    {
        var layers = ImmutableArray.CreateBuilder<Digest>();
        foreach (Digest name in _store.Snapshots.List().Where(name => !_snapshots.Contains(name)).ToArray())
        {
            FreedBytes += _store.Snapshots.FindSize(new DiffId(name))?.ContentBytes ?? 0;
            _store.Snapshots.Remove(name);
            layers.Add(name);
        }

        foreach (Digest blob in _store.Blobs.List().Where(blob => !_blobs.Contains(blob)).ToArray())
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

        return layers.ToImmutable();
    }
}

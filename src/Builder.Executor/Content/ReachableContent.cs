// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Executor.Running;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Images;

namespace Builder.Executor.Content;

/// <summary>
/// What is needed by images, containers and records: the mark phase of a collection, by parts, so that one can also ask
/// what a part needs alone. Too much is safe. Not thread-safe.
/// </summary>
internal sealed class ReachableContent
{
    private const int HexDigits = 64;
    private const int MaxFileBytes = 16 * 1024 * 1024;

    private readonly Store _store;
    private readonly HashSet<Digest> _blobs = [];
    private readonly HashSet<Digest> _snapshots = [];

    /// <summary>Nothing of a store yet.</summary>
    public ReachableContent(Store store)
    {
        _store = store;
    }

    /// <summary>Digests of blobs that are needed.</summary>
    public IReadOnlySet<Digest> Blobs => _blobs;

    /// <summary>Names of snapshots that are needed: diffIDs and chainIDs.</summary>
    public IReadOnlySet<Digest> Snapshots => _snapshots;

    /// <summary>Adds what images and names need.</summary>
    public void AddImages()
    {
        foreach ((Digest id, ImageRecord record) in _store.Images.Records())
        {
            AddImage(id, record);
        }

        foreach ((_, Digest target) in _store.References.List())
        {
            AddManifest(target);
        }
    }

    /// <summary>Adds what one image needs.</summary>
    public void AddImage(Digest id)
    {
        if (_store.Images.FindRecord(id) is { } record)
        {
            AddImage(id, record);
        }
    }

    /// <summary>Adds what containers need: the file systems they stand on, and every digest in their own documents.</summary>
    public void AddContainers()
    {
        foreach (ContainerRecord container in new ContainerStore(_store.Root).List())
        {
            AddStack(new LayerStack([.. container.Layers.Select(layer => new DiffId(Digest.Parse(layer)))]));
        }

        AddMentioned(_store.ContainersPath);
    }

    /// <summary>Adds the layers of step records, and every digest that other records hold as text.</summary>
    public void AddRecords()
    {
        foreach (string path in CacheDirectory.ListFiles(_store))
        {
            if (CacheDirectory.Read(path) is ({ } record, _))
            {
                AddRecord(record);
            }
        }
    }

    /// <summary>Adds every form of the layers that are needed: what was compressed once is found by the next push.</summary>
    public void AddLayerForms()
    {
        foreach (DiffId layer in _store.Layers.List())
        {
            if (_snapshots.Contains(layer.Value) || _blobs.Contains(layer.Value))
            {
                _blobs.UnionWith(_store.Layers.Find(layer, verifiedOnly: false).Select(form => form.Digest));
            }
        }
    }

    /// <summary>Files and directories of everything that is needed; some may not exist.</summary>
    public IEnumerable<string> ListPaths() =>
        _snapshots.Select(_store.Snapshots.PathOf).Concat(_blobs.Select(_store.Blobs.PathOf));

    private void AddRecord(CacheRecordFile record)
    {
        if (record.Key.StartsWith(StepRecord.KeyPrefix, StringComparison.Ordinal))
        {
            if (StepRecord.TryDecode(record.Value.ToArray(), withInputs: false)?.Layer is { } layer)
            {
                Add(layer.Value);
            }

            return;
        }

        foreach (Digest digest in Mentioned(Encoding.Latin1.GetString(record.Value.Span)))
        {
            Add(digest);
        }
    }

    private void Add(Digest digest)
    {
        _blobs.Add(digest);
        _snapshots.Add(digest);
    }

    private void AddImage(Digest id, ImageRecord record)
    {
        _blobs.Add(id);
        AddManifest(record.Manifest.Digest);

        // The index by which a registry knows it is how it is found again.
        foreach (string name in record.RepoDigests)
        {
            if (Digest.TryParse(name[(name.IndexOf('@', StringComparison.Ordinal) + 1)..], out Digest document))
            {
                _blobs.Add(document);
            }
        }

        try
        {
            if (_store.Blobs.TryReadAll(id, OciJson.MaxConfigBytes) is { } json)
            {
                AddStack(ImageConfigJson.Parse(json).RootFs);
            }
        }
        catch (ContentException)
        {
            // A damaged config: what it named is kept only by others.
        }
    }

    private void AddManifest(Digest digest)
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
                    AddManifest(entry.Digest);
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
            // A damaged manifest: the same.
        }
    }

    private void AddStack(LayerStack stack)
    {
        for (int i = 1; i <= stack.Layers.Length; i++)
        {
            _snapshots.Add(stack.Layers[i - 1].Value);
            _snapshots.Add(LayerStack.ComputeChainId(stack.Layers.AsSpan()[..i]));
        }
    }

    /// <summary>Adds everything that looks like a digest in the documents of a directory.</summary>
    private void AddMentioned(string directory)
    {
        foreach (string path in Directory.EnumerateFiles(directory, "*", new EnumerationOptions
        {
            RecurseSubdirectories = true,
            MaxRecursionDepth = 1,
            AttributesToSkip = FileAttributes.ReparsePoint,
            IgnoreInaccessible = true,
        }))
        {
            try
            {
                if (new FileInfo(path).Length > MaxFileBytes || path.EndsWith(".log", StringComparison.Ordinal))
                {
                    continue;
                }

                foreach (Digest digest in Mentioned(Encoding.Latin1.GetString(File.ReadAllBytes(path))))
                {
                    Add(digest);
                }
            }
            catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
            {
                // The container is gone.
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
}

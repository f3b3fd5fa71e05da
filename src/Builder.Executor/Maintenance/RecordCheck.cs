// SPDX-License-Identifier: Apache-2.0

using System.Text.Json;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Images;

namespace Builder.Executor.Maintenance;

/// <summary>Checks the small files that say what blobs and snapshots mean: layer forms, images, names, cache records.</summary>
internal sealed class RecordCheck(Store store, CheckLog log)
{
    private const int Sha256Bytes = 32;

    /// <summary>Checks what is known of the blobs that hold layers.</summary>
    public void CheckLayers()
    {
        string[] files = Directory.GetFiles(Path.Combine(store.Root, "layers"));
        foreach (string path in files)
        {
            if (TryRead(path) is not { } json)
            {
                continue;
            }

            string? cause = null;
            if (!Digest.TryParse($"sha256:{Path.GetFileName(path)}", out _))
            {
                cause = "its name is no diffID";
            }
            else
            {
                try
                {
                    cause = JsonSerializer.Deserialize(json, StoreJson.Default.ImmutableListLayerForm) is null ? "it is empty" : null;
                }
                catch (JsonException)
                {
                    cause = "it is damaged";
                }
            }

            Report("layers", path, cause, "remove it by --repair: the layer is fetched or compressed again");
        }

        log.Finish("layers", files.Length);
    }

    /// <summary>Checks images: record, manifest, config, and that every layer can be had.</summary>
    public void CheckImages()
    {
        string[] files = Directory.GetFiles(Path.Combine(store.Root, "images"));
        foreach (string path in files)
        {
            if (!Digest.TryParse($"sha256:{Path.GetFileName(path)}", out Digest id))
            {
                Report("images", path, "its name is no image id", "it is no part of the store");
                continue;
            }

            string? cause = FindImageDamage(id);
            if (cause is not null && File.Exists(path))
            {
                log.Add("images", Describe(id), cause, "remove it by --repair, then pull or build it again", () => store.Images.Forget(id));
            }
        }

        log.Finish("images", files.Length);
    }

    /// <summary>Checks names.</summary>
    public void CheckReferences()
    {
        string[] files = Directory.GetFiles(Path.Combine(store.Root, "refs"));
        foreach (string path in files)
        {
            if (TryRead(path) is null)
            {
                continue;
            }

            if (ReferenceStore.Read(path) is not ({ } name, var target))
            {
                Report("names", path, "it is damaged", "remove it by --repair, then name the image again");
            }
            else if (!store.References.IsInPlace(path, name))
            {
                Report("names", path, $"it is not the file of {name}", "remove it by --repair, then name the image again");
            }
            else if (FindDocumentDamage(target) is { } cause && store.References.Find(name) == target)
            {
                log.Add(
                    "names", name.ToString(), $"it means {target}: {cause}", "remove it by --repair, then pull or build the image again",
                    () => store.References.Remove(name));
            }
        }

        log.Finish("names", files.Length);
    }

    /// <summary>Checks step records and what else the build cache remembers.</summary>
    public void CheckCache()
    {
        const string Advice = "remove it by --repair: the step runs again";
        int count = 0;
        foreach (string path in CacheDirectory.ListFiles(store))
        {
            count++;
            string? cause = CacheDirectory.Read(path) is not ({ } record, _) ? "it is damaged"
                : !CacheDirectory.IsInPlace(path, record.Key) ? $"it is the record of {record.Key}"
                : record.Key.StartsWith(StepRecord.KeyPrefix, StringComparison.Ordinal)
                    && StepRecord.TryDecode(record.Value.ToArray(), withInputs: true) is null ? "it is no step record"
                : null;
            Report("cache", path, cause, Advice);
        }

        // Both end with the digest of what stands before; as long as a name has a dot, its writer is not done.
        foreach (string directory in (string[])["contexts", "copies"])
        {
            foreach (string path in FilesOf(directory).Where(path => !Path.GetFileName(path).Contains('.')))
            {
                count++;
                bool isSound = TryRead(path) is not { } file || IsPlaceOfCopy(file) || HasTrailingDigest(file);
                Report("cache", path, isSound ? null : "it is damaged", "remove it by --repair: it is made again");
            }
        }

        foreach (string path in FilesOf("http").Where(path => Path.GetExtension(path).Length == 0))
        {
            count++;
            Report("cache", path, FindDownloadDamage(path), "remove it by --repair: it is fetched again");
        }

        foreach (string path in Directory.GetDirectories(store.MountsPath).Where(path => !Directory.Exists(Path.Combine(path, "fs"))))
        {
            log.Add("cache", Path.GetRelativePath(store.Root, path), "the cache mount holds no files directory",
                "remove it by --repair: the next step begins an empty one", () => store.Tmp.Discard(path));
        }

        log.Finish("cache", count);
    }

    private static string? FindDownloadDamage(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            string found = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file));
            return found == Path.GetFileName(path) ? null : $"its content has the digest sha256:{found}";
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private static bool IsPlaceOfCopy(byte[] file) => Digest.TryParse(System.Text.Encoding.Latin1.GetString(file), out _);

    private static bool HasTrailingDigest(byte[] file) => file.Length >= Sha256Bytes
        && System.Security.Cryptography.SHA256.HashData(file.AsSpan(..^Sha256Bytes)).AsSpan().SequenceEqual(file.AsSpan(^Sha256Bytes..));

    private static byte[]? TryRead(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private string[] FilesOf(string directory)
    {
        string path = Path.Combine(store.CachePath, directory);
        return Directory.Exists(path) ? Directory.GetFiles(path) : [];
    }

    private void Report(string area, string path, string? cause, string advice)
    {
        if (cause is not null && File.Exists(path))
        {
            log.Add(area, Path.GetRelativePath(store.Root, path), cause, advice, () => File.Delete(path));
        }
    }

    private string Describe(Digest id)
    {
        string? name = store.Images.Find(id.ToString())?.Names.FirstOrDefault()?.ToString();
        return name is null ? id.ToString() : $"{id} ({name})";
    }

    private string? FindImageDamage(Digest id)
    {
        if (store.Images.FindRecord(id) is not { } record)
        {
            return "its record is damaged";
        }

        try
        {
            if (store.Blobs.TryReadAll(id, OciJson.MaxConfigBytes) is not { } config)
            {
                return "its config is missing";
            }

            if (store.Blobs.TryReadAll(record.Manifest.Digest, OciJson.MaxManifestBytes) is not { } json)
            {
                return $"its manifest {record.Manifest.Digest} is missing";
            }

            LayerStack stack = ImageConfigJson.Parse(config).RootFs;
            Manifest manifest = OciJson.ParseManifest(json);
            if (manifest.Config.Digest != id)
            {
                return $"its manifest is that of {manifest.Config.Digest}";
            }

            if (manifest.Layers.Count != stack.Layers.Length)
            {
                return $"its manifest has {manifest.Layers.Count} layers, its config {stack.Layers.Length}";
            }

            // A layer that a registry has need not be here.
            DiffId? missing = record.RepoDigests.IsEmpty ? FindMissing(stack, manifest) : null;
            return missing is null ? null : $"its layer {missing} is missing";
        }
        catch (BuildException failure)
        {
            return failure.Message;
        }
    }

    private DiffId? FindMissing(LayerStack stack, Manifest manifest)
    {
        for (int i = 0; i < stack.Layers.Length; i++)
        {
            DiffId layer = stack.Layers[i];
            bool isThere = store.Snapshots.FindDirectory(stack, i) is not null
                || store.Blobs.Contains(manifest.Layers[i].Digest)
                || store.Layers.Find(layer, verifiedOnly: false).Any(form => store.Blobs.IsFile(form.Digest));
            if (!isThere)
            {
                return layer;
            }
        }

        return null;
    }

    private string? FindDocumentDamage(Digest target)
    {
        try
        {
            if (store.Blobs.TryReadAll(target, OciJson.MaxManifestBytes) is not { } json)
            {
                return "that is missing";
            }

            if (MediaTypes.IsIndex(OciJson.DetectMediaType(json)))
            {
                OciJson.ParseIndex(json);
            }
            else
            {
                OciJson.ParseManifest(json);
            }

            return null;
        }
        catch (BuildException failure)
        {
            return failure.Message;
        }
    }
}

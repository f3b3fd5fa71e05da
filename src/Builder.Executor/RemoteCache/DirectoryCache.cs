// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.RemoteCache;

/// <summary>A cache in a directory: an OCI layout, which a CI system keeps between jobs.</summary>
internal sealed class DirectoryCache
{
    private const string NameAnnotation = "org.opencontainers.image.ref.name";
    private const string LayoutVersion = """{"imageLayoutVersion":"1.0.0"}""";

    private readonly Store _store;
    private readonly LayerFetcher _layers;
    private readonly LayerSender _sender;

    public DirectoryCache(Store store, LayerFetcher layers, LayerSender sender)
    {
        _store = store;
        _layers = layers;
        _sender = sender;
    }

    /// <summary>Reads the records and remembers where their layers are; null when there is no such directory yet.</summary>
    public CacheDocument? Import(string directory)
    {
        string subject = $"import cache from \"{directory}\"";
        if (!File.Exists(Path.Combine(directory, "index.json")))
        {
            return null;
        }

        LayoutReader reader = LayoutReader.Open(directory, subject);
        Descriptor manifest = reader.Choose(null, null, subject);
        ImageDocument document = ImageDocument.Read(
            reader.ReadBlob(manifest, RegistryLimits.MaxManifestBytes), manifest.MediaType, subject);
        Descriptor records = document.Manifest is null ? null! : CacheArtifact.FindRecords(document.Manifest, subject)!;
        if (records is null)
        {
            throw new ContentException(ContentFailure.UnsupportedMediaType, $"{subject}: it is no cache of bld");
        }

        byte[] content = reader.ReadBlob(records, CacheArtifact.MaxRecordsBytes);
        CacheDocument cache = CacheDocument.Decode(content, subject);
        foreach (CachedLayer layer in cache.Layers)
        {
            if (File.Exists(LayoutReader.BlobPath(directory, layer.Blob.Digest)))
            {
                _layers.Add(layer.DiffId, new LayerOrigin(layer.Blob, null, [], directory));
            }
        }

        return cache;
    }

    /// <summary>
    /// Writes the cache; blobs first and index.json last by a rename, so that a reader sees the former cache or this one.
    /// Blobs that no longer belong to it are removed.
    /// </summary>
    public async Task ExportAsync(
        string directory, CacheDocument records, IReadOnlyCollection<DiffId> layers, PushOptions options,
        CancellationToken cancellationToken)
    {
        string blobs = Path.Combine(directory, "blobs", "sha256");
        try
        {
            Directory.CreateDirectory(blobs);
            List<CachedLayer> written = [];
            foreach (DiffId layer in layers)
            {
                Descriptor packed = await _sender.EnsureFileAsync(layer, options, cancellationToken).ConfigureAwait(false);
                await CopyAsync(packed, blobs, cancellationToken).ConfigureAwait(false);
                written.Add(new CachedLayer(layer, packed));
            }

            Write(directory, blobs, records with { Layers = [.. written.OrderBy(layer => layer.DiffId.Value)] });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ContentException(ContentFailure.NotFound, $"export cache to \"{directory}\": {e.Message}", e);
        }
    }

    private static void Write(string directory, string blobs, CacheDocument document)
    {
        byte[] content = document.Encode();
        Descriptor records = CacheArtifact.DescriptorOf(CacheArtifact.RecordsType, content);
        byte[] manifest = CacheArtifact.Write(records, document.Layers);
        Descriptor entry = CacheArtifact.DescriptorOf(MediaTypes.OciManifest, manifest) with
        {
            ArtifactType = CacheArtifact.ArtifactType,
            Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(NameAnnotation, ImageReference.DefaultTag),
        };
        WriteFile(Path.Combine(blobs, records.Digest.Hex), content);
        WriteFile(Path.Combine(blobs, CacheArtifact.EmptyConfigDescriptor.Digest.Hex), CacheArtifact.EmptyConfig);
        WriteFile(Path.Combine(blobs, entry.Digest.Hex), manifest);
        WriteFile(Path.Combine(directory, "oci-layout"), System.Text.Encoding.UTF8.GetBytes(LayoutVersion));
        ImageIndex index = new() { MediaType = MediaTypes.OciIndex, Manifests = [entry] };
        WriteFile(
            Path.Combine(directory, "index.json"),
            OciJson.Serialize(index));

        HashSet<string> kept =
        [
            records.Digest.Hex, entry.Digest.Hex, CacheArtifact.EmptyConfigDescriptor.Digest.Hex,
            .. document.Layers.Select(layer => layer.Blob.Digest.Hex),
        ];
        foreach (string file in Directory.EnumerateFiles(blobs))
        {
            if (!kept.Contains(Path.GetFileName(file)))
            {
                File.Delete(file);
            }
        }
    }

    private static void WriteFile(string path, byte[] content)
    {
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        File.WriteAllBytes(temporary, content);
        File.Move(temporary, path, overwrite: true);
    }

    private async Task CopyAsync(Descriptor blob, string blobs, CancellationToken cancellationToken)
    {
        string path = Path.Combine(blobs, blob.Digest.Hex);
        if (File.Exists(path) && new FileInfo(path).Length == blob.Size)
        {
            return;
        }

        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        Stream source = _store.Blobs.Open(blob.Digest);
        await using (source.ConfigureAwait(false))
        {
            FileStream target = File.Create(temporary);
            await using (target.ConfigureAwait(false))
            {
                await source.CopyToAsync(target, cancellationToken).ConfigureAwait(false);
            }
        }

        File.Move(temporary, path, overwrite: true);
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.RemoteCache;

/// <summary>A cache in a directory: an OCI layout, which a CI system keeps between jobs.</summary>
internal sealed class DirectoryCache : CacheStorage
{
    private const string NameAnnotation = "org.opencontainers.image.ref.name";
    private const string Temporary = ".tmp";
    private const int AbandonedAfterHours = 1;
    private const string LayoutVersion = """{"imageLayoutVersion":"1.0.0"}""";

    private readonly string _directory;
    private readonly string _blobs;
    private readonly Store _store;
    private readonly LayerFetcher _layers;
    private readonly LayerSender _sender;

    /// <summary>Creates the cache of a directory, which need not exist yet.</summary>
    public DirectoryCache(string directory, Store store, LayerFetcher layers, LayerSender sender)
    {
        _directory = directory;
        _blobs = Path.Combine(directory, "blobs", "sha256");
        _store = store;
        _layers = layers;
        _sender = sender;
    }

    /// <inheritdoc/>
    public override Task<CacheDocument?> ReadAsync(CancellationToken cancellationToken) => Task.FromResult(Read());

    /// <inheritdoc/>
    public override async Task<Descriptor> SendLayerAsync(
        DiffId layer, PushOptions options, CancellationToken cancellationToken)
    {
        LayerOrigin? here = _layers.OriginsOf(layer)
            .Find(origin => origin.LayoutPath == _directory && IsHere(origin.Blob));
        if (here is not null)
        {
            return here.Blob;
        }

        Descriptor packed = await _sender.EnsureFileAsync(layer, options, cancellationToken).ConfigureAwait(false);
        await GuardAsync(async () =>
        {
            if (!IsHere(packed))
            {
                Stream source = _store.Blobs.Open(packed.Digest);
                await using (source.ConfigureAwait(false))
                {
                    await WriteAsync(PathOf(packed.Digest), source, cancellationToken).ConfigureAwait(false);
                }
            }
        }).ConfigureAwait(false);
        return packed;
    }

    /// <inheritdoc/>
    public override Task SendBlobAsync(Descriptor blob, byte[] content, CancellationToken cancellationToken) =>
        GuardAsync(async () =>
        {
            if (!IsHere(blob))
            {
                MemoryStream source = new(content, writable: false);
                await using (source.ConfigureAwait(false))
                {
                    await WriteAsync(PathOf(blob.Digest), source, cancellationToken).ConfigureAwait(false);
                }
            }
        });

    /// <inheritdoc/>
    public override async Task<byte[]> ReadBlobAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        byte[] content = [];
        await GuardAsync(async () =>
        {
            content = await File.ReadAllBytesAsync(PathOf(blob.Digest), cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);
        return Digest.FromHash(SHA256.HashData(content)) == blob.Digest
            ? content
            : throw new ContentException(
                ContentFailure.DigestMismatch, $"read cache in \"{_directory}\": blob {blob.Digest} is damaged");
    }

    /// <summary>Replaces index.json by a rename, and removes blobs that no longer belong to the cache.</summary>
    public override async Task PublishAsync(CacheDocument document, CancellationToken cancellationToken)
    {
        byte[] content = document.Encode();
        Descriptor records = CacheArtifact.DescriptorOf(CacheArtifact.RecordsType, content);
        byte[] manifest = CacheArtifact.Write(records, document);
        Descriptor entry = CacheArtifact.DescriptorOf(MediaTypes.OciManifest, manifest) with
        {
            ArtifactType = CacheArtifact.ArtifactType,
            Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(NameAnnotation, ImageReference.DefaultTag),
        };
        await SendBlobAsync(records, content, cancellationToken).ConfigureAwait(false);
        await SendBlobAsync(
            CacheArtifact.EmptyConfigDescriptor, CacheArtifact.EmptyConfig, cancellationToken).ConfigureAwait(false);
        await SendBlobAsync(entry, manifest, cancellationToken).ConfigureAwait(false);
        await GuardAsync(async () =>
        {
            await ReplaceAsync("oci-layout", System.Text.Encoding.UTF8.GetBytes(LayoutVersion), cancellationToken)
                .ConfigureAwait(false);
            ImageIndex index = new() { MediaType = MediaTypes.OciIndex, Manifests = [entry] };
            await ReplaceAsync("index.json", OciJson.Serialize(index), cancellationToken).ConfigureAwait(false);
            HashSet<string> kept =
            [
                records.Digest.Hex, entry.Digest.Hex, CacheArtifact.EmptyConfigDescriptor.Digest.Hex,
                .. CacheArtifact.BlobsOf(document).Select(blob => blob.Digest.Hex),
            ];
            foreach (FileInfo file in new DirectoryInfo(_blobs).EnumerateFiles())
            {
                // Another export may be writing right now.
                bool isWanted = file.Name.EndsWith(Temporary, StringComparison.Ordinal)
                    ? file.LastWriteTimeUtc > TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-AbandonedAfterHours)
                    : kept.Contains(file.Name);
                if (!isWanted)
                {
                    file.Delete();
                }
            }
        }).ConfigureAwait(false);
    }

    private CacheDocument? Read()
    {
        string subject = $"import cache from \"{_directory}\"";
        if (!File.Exists(Path.Combine(_directory, "index.json")))
        {
            return null;
        }

        LayoutReader reader = LayoutReader.Open(_directory, subject);
        Descriptor manifest = reader.Choose(null, null, subject);
        ImageDocument document = ImageDocument.Read(
            reader.ReadBlob(manifest, RegistryLimits.MaxManifestBytes), manifest.MediaType, subject);
        if (document.Manifest is null || CacheArtifact.FindRecords(document.Manifest, subject) is not { } records)
        {
            throw new ContentException(ContentFailure.UnsupportedMediaType, $"{subject}: it is no cache of bld");
        }

        byte[] content = reader.ReadBlob(records, CacheArtifact.MaxRecordsBytes);
        CacheDocument cache = CacheDocument.Decode(content, subject);
        foreach (CachedLayer layer in cache.Layers)
        {
            if (File.Exists(PathOf(layer.Blob.Digest)))
            {
                _layers.Add(layer.DiffId, new LayerOrigin(layer.Blob, null, [], _directory));
            }
        }

        return cache;
    }

    private string PathOf(Digest digest) => LayoutReader.BlobPath(_directory, digest);

    private bool IsHere(Descriptor blob)
    {
        FileInfo file = new(PathOf(blob.Digest));
        return file.Exists && file.Length == blob.Size;
    }

    private async Task ReplaceAsync(string name, byte[] content, CancellationToken cancellationToken)
    {
        MemoryStream source = new(content, writable: false);
        await using (source.ConfigureAwait(false))
        {
            await WriteAsync(Path.Combine(_directory, name), source, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task WriteAsync(string path, Stream source, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(_blobs);
        string temporary = $"{path}.{Guid.NewGuid():N}{Temporary}";
        FileStream target = File.Create(temporary);
        await using (target.ConfigureAwait(false))
        {
            await source.CopyToAsync(target, cancellationToken).ConfigureAwait(false);
        }

        File.Move(temporary, path, overwrite: true);
    }

    private async Task GuardAsync(Func<Task> use)
    {
        try
        {
            await use().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ContentException(ContentFailure.NotFound, $"use cache in \"{_directory}\": {e.Message}", e);
        }
    }
}

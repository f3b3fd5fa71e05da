// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Layers;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Executor.Images;

/// <summary>An image that came out of an archive.</summary>
/// <param name="Image">The image.</param>
/// <param name="Names">The names that the archive gave it.</param>
public sealed record LoadedImage(StoredImage Image, ImmutableArray<ImageReference> Names);

/// <summary>
/// Reads images from one tar, compressed or not: docker's archives of every age, OCI layouts, and both in one. Everything
/// is read once, in the order in which it comes; blobs are verified on the way in.
/// </summary>
public sealed class ImageLoader
{
    private const int MaxDocumentBytes = OciJson.MaxManifestBytes;
    private const string IndexFile = "index.json";
    private const string DockerManifestFile = "manifest.json";
    private const string BlobPrefix = "blobs/sha256/";
    private const string ContainerdName = "io.containerd.image.name";
    private const string RefName = "org.opencontainers.image.ref.name";

    private readonly Store _store;
    private readonly Dictionary<string, (Digest Digest, long Size)> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);
    private byte[]? _index;
    private byte[]? _dockerManifest;

    private ImageLoader(Store store)
    {
        _store = store;
    }

    /// <summary>Loads all images of an archive; nothing gets a name before everything was read and is consistent.</summary>
    /// <exception cref="ContentException">It is no archive of images, or damaged.</exception>
    public static ImmutableArray<LoadedImage> Load(Store store, Stream archive, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        using IDisposable use = store.Use();
        var loader = new ImageLoader(store);
        try
        {
            using Stream tar = LayerCompression.OpenRead(archive);
            loader.ReadFiles(new LayerTarReader(tar), cancellationToken);
        }
        catch (Exception failure) when (failure is InvalidDataException or EndOfStreamException
            || (failure is ContentException { Reason: ContentFailure.Malformed } && loader.IsEmpty))
        {
            throw new ContentException(
                ContentFailure.Malformed,
                loader.IsEmpty ? $"load images: the input is no tar archive ({failure.Message})" : $"load images: {failure.Message}",
                failure)
            {
                Hint = "give what bld save, docker save or skopeo copy wrote",
            };
        }

        return loader.Register();
    }

    private bool IsEmpty => _files.Count == 0 && _links.Count == 0 && _index is null && _dockerManifest is null;

    private static ContentException Malformed(string what) => new(ContentFailure.Malformed, $"load images: {what}");

    private void ReadFiles(LayerTarReader reader, CancellationToken cancellationToken)
    {
        while (reader.Next() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            string path = PathEncoding.Decode(entry.Path);
            if (entry.LinkTarget is { } target)
            {
                // docker's old archives hold a layer that occurs twice as a link: "../ID/layer.tar".
                _links[path] = PathEncoding.Decode(FileSystem.RootedPath.Clean(
                    [.. FileSystem.RootedPath.Parent(entry.Path), (byte)'/', .. target]));
            }
            else if (entry.HardLinkTo is { } other)
            {
                _links[path] = PathEncoding.Decode(other);
            }
            else if (entry.Kind == FileKind.Regular)
            {
                ReadFile(path, entry, reader);
            }
        }
    }

    private void ReadFile(string path, LayerEntry entry, LayerTarReader reader)
    {
        if (path is IndexFile or DockerManifestFile)
        {
            byte[] document = ReadDocument(path, entry, reader);
            (_index, _dockerManifest) = path == IndexFile ? (document, _dockerManifest) : (_index, document);
            return;
        }

        // What else is small and known holds nothing that is needed.
        string name = path[(path.LastIndexOf('/') + 1)..];
        if (name is "oci-layout" or "repositories" or "VERSION" or "json")
        {
            return;
        }

        Digest? expected = path.StartsWith(BlobPrefix, StringComparison.Ordinal)
            && Digest.TryParse("sha256:" + path[BlobPrefix.Length..], out Digest digest)
                ? digest
                : null;
        if (expected is { } known && _store.Blobs.IsFile(known) && _store.Blobs.FindSize(known) == entry.Size)
        {
            _files[path] = (known, entry.Size);
            return;
        }

        using BlobWriteStream blob = _store.Blobs.BeginWrite();
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(256 * 1024);
        int count;
        while ((count = reader.ReadContent(buffer)) > 0)
        {
            blob.Write(buffer.AsSpan(0, count));
        }

        System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        long length = blob.Length;
        _files[path] = (blob.Commit(expected, entry.Size), length);
    }

    private static byte[] ReadDocument(string path, LayerEntry entry, LayerTarReader reader)
    {
        if (entry.Size > MaxDocumentBytes)
        {
            throw new ContentException(
                ContentFailure.TooLarge, $"load images: {path} has {entry.Size} bytes, the limit is {MaxDocumentBytes}");
        }

        byte[] document = new byte[entry.Size];
        int length = 0;
        while (length < document.Length)
        {
            length += reader.ReadContent(document.AsSpan(length));
        }

        return document;
    }

    private ImmutableArray<LoadedImage> Register()
    {
        var found = new List<(Descriptor Manifest, ImmutableArray<ImageReference> Names)>();
        ImmutableList<Descriptor> entries = _index is null ? [] : OciJson.ParseIndex(_index).Manifests;
        if (_dockerManifest is not null)
        {
            foreach (DockerArchiveImage image in OciJson.ParseDockerArchive(_dockerManifest))
            {
                found.Add((FindManifest(image, entries) ?? MakeManifest(image), Names(image.RepoTags ?? [])));
            }
        }
        else if (_index is not null)
        {
            foreach (Descriptor entry in entries)
            {
                found.AddRange(Manifests(entry, NamesOf(entry)));
            }
        }
        else
        {
            throw Malformed("it holds neither manifest.json nor index.json");
        }

        if (found.Count == 0)
        {
            throw Malformed("it holds no images");
        }

        foreach ((Descriptor manifest, _) in found)
        {
            CheckLayers(manifest);
        }

        // One image may stand there once for each of its names.
        return [.. found.GroupBy(entry => entry.Manifest.Digest).Select(group =>
        {
            ImmutableArray<ImageReference> names = [.. group.SelectMany(entry => entry.Names).Distinct()];
            return new LoadedImage(_store.Images.Add(group.First().Manifest, names, []), names);
        })];
    }

    /// <summary>The layout's manifest of a docker entry, so that digests survive saving and loading.</summary>
    private Descriptor? FindManifest(DockerArchiveImage image, ImmutableList<Descriptor> entries)
    {
        Digest? config = Resolve(image.Config)?.Digest;
        return entries.SelectMany(entry => Manifests(entry, []))
            .Select(entry => entry.Manifest)
            .FirstOrDefault(manifest => _store.Images.ReadManifest(manifest.Digest).Config.Digest == config);
    }

    /// <summary>The image manifests that an entry of the index means; attestations are none.</summary>
    private List<(Descriptor Manifest, ImmutableArray<ImageReference> Names)> Manifests(
        Descriptor entry, ImmutableArray<ImageReference> names)
    {
        byte[] json = _store.Blobs.TryReadAll(entry.Digest, MaxDocumentBytes)
            ?? throw Malformed($"the manifest {entry.Digest} is missing");
        string? mediaType = OciJson.DetectMediaType(json);
        if (MediaTypes.IsIndex(mediaType))
        {
            // An archive may hold one platform of many.
            return [.. OciJson.ParseIndex(json).Manifests
                .Where(child => child.Platform?.Os != "unknown" && _store.Blobs.IsFile(child.Digest))
                .SelectMany(child => Manifests(child, names))];
        }

        return !MediaTypes.IsManifest(mediaType) || OciJson.ParseManifest(json).ArtifactType is not null
            ? []
            : [(entry with { MediaType = mediaType!, Annotations = null }, names)];
    }

    private Descriptor MakeManifest(DockerArchiveImage image)
    {
        (Digest config, long configSize) = Resolve(image.Config)
            ?? throw Malformed($"the config \"{image.Config}\" is missing");
        var layers = ImmutableList.CreateBuilder<Descriptor>();
        foreach (string path in image.Layers ?? [])
        {
            (Digest digest, long size) = Resolve(path) ?? throw Malformed($"the layer \"{path}\" is missing");
            layers.Add(new Descriptor { MediaType = DetectLayer(digest), Digest = digest, Size = size });
        }

        byte[] json = OciJson.Serialize(new Manifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = new Descriptor { MediaType = MediaTypes.OciConfig, Digest = config, Size = configSize },
            Layers = layers.ToImmutable(),
        });
        return new Descriptor
        {
            MediaType = MediaTypes.OciManifest,
            Digest = _store.Blobs.Put(json),
            Size = json.Length,
        };
    }

    private string DetectLayer(Digest digest)
    {
        Span<byte> start = stackalloc byte[LayerCompression.MagicBytes];
        using Stream layer = _store.Blobs.Open(digest);
        int length = layer.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        return LayerCompression.Detect(start[..length]) switch
        {
            Compression.None => MediaTypes.OciLayer,
            Compression.Gzip => MediaTypes.OciLayerGzip,
            Compression.Zstd => MediaTypes.OciLayerZstd,
            Compression other => throw new ContentException(
                ContentFailure.UnsupportedMediaType, $"load images: the layer {digest} is compressed with {other}"),
        };
    }

    private void CheckLayers(Descriptor manifest)
    {
        Manifest content = _store.Images.ReadManifest(manifest.Digest);
        foreach (Descriptor layer in content.Layers)
        {
            if (!_store.Blobs.Contains(layer.Digest))
            {
                throw Malformed($"the layer {layer.Digest} is missing");
            }
        }

        if (!_store.Blobs.IsFile(content.Config.Digest))
        {
            throw Malformed($"the config {content.Config.Digest} is missing");
        }
    }

    private (Digest Digest, long Size)? Resolve(string path)
    {
        path = PathEncoding.Decode(FileSystem.RootedPath.Clean(PathEncoding.Encode(path)));
        for (int hops = 0; hops < 8; hops++)
        {
            if (_files.TryGetValue(path, out (Digest Digest, long Size) file))
            {
                return file;
            }

            if (!_links.TryGetValue(path, out string? target))
            {
                return null;
            }

            path = target;
        }

        return null;
    }

    private static ImmutableArray<ImageReference> Names(IEnumerable<string> names) =>
        [.. names.Select(name => ImageReference.TryParse(name, out ImageReference? reference)
            ? reference
            : throw Malformed($"\"{name}\" is not a name of an image"))];

    // A ref name is a tag only, unless somebody wrote a full name there.
    private static ImmutableArray<ImageReference> NamesOf(Descriptor entry)
    {
        string? name = entry.Annotations?.GetValueOrDefault(ContainerdName);
        name ??= entry.Annotations?.GetValueOrDefault(RefName) is { } reference
            && reference.AsSpan().ContainsAny(':', '/')
                ? reference
                : null;
        return name is not null && ImageReference.TryParse(name, out ImageReference? parsed) ? [parsed] : [];
    }
}

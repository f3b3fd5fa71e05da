// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Executor.Oci;
using Builder.Executor.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Executor.Images;

/// <summary>
/// Writes images as OCI layouts, in a directory or one tar, for docker with its manifest.json beside it. The same images
/// and options give the same bytes.
/// </summary>
public sealed class ImageExporter
{
    private const string LayoutFile = "oci-layout";
    private const string IndexFile = "index.json";
    private const string DockerManifestFile = "manifest.json";
    private const string RefName = "org.opencontainers.image.ref.name";
    private const string ContainerdName = "io.containerd.image.name";

    private readonly Store _store;
    private readonly ManifestBuilder _manifests;

    /// <summary>An exporter over a store; <paramref name="fetcher"/> gives the layers that it lacks.</summary>
    public ImageExporter(Store store, ILayerFetcher? fetcher)
    {
        _store = store;
        _manifests = new ManifestBuilder(store, fetcher);
    }

    private static ReadOnlySpan<byte> LayoutContent => """{"imageLayoutVersion":"1.0.0"}"""u8;

    /// <summary>Writes one tar to a stream, which stays open.</summary>
    public Task<ImmutableArray<ExportedImage>> WriteTarAsync(
        IReadOnlyList<ExportGroup> groups, Stream output, ExportOptions options, CancellationToken cancellationToken) =>
        WriteAsync(groups, () => new TarLayoutSink(output), options, cancellationToken);

    /// <summary>Writes a tar to a file, which is replaced only when all went well.</summary>
    public async Task<ImmutableArray<ExportedImage>> WriteTarAsync(
        IReadOnlyList<ExportGroup> groups, string path, ExportOptions options, CancellationToken cancellationToken)
    {
        const int FileMode = 0b110_100_100;
        string temporary = $"{path}.{Guid.NewGuid():N}.partial";
        try
        {
            ImmutableArray<ExportedImage> exported;
            using (var file = new DescriptorStream(
                AtCalls.Open(temporary, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, FileMode), true))
            {
                exported = await WriteTarAsync(groups, file, options, cancellationToken).ConfigureAwait(false);
            }

            TemporaryFiles.Publish(temporary, path, durable: false);
            return exported;
        }
        finally
        {
            AtCalls.TryUnlink(AtCalls.CurrentDirectory, PathEncoding.Encode(temporary));
        }
    }

    /// <summary>Writes a layout directory; images in it under other names stay.</summary>
    public Task<ImmutableArray<ExportedImage>> WriteDirectoryAsync(
        IReadOnlyList<ExportGroup> groups, string directory, ExportOptions options, CancellationToken cancellationToken) =>
        WriteAsync(groups, () => new DirectoryLayoutSink(directory), options, cancellationToken);

    private static string BlobPath(Digest digest) => $"blobs/sha256/{digest.Hex}";

    private static string Familiar(ImageReference name) => $"{name.FamiliarName}:{name.Tag ?? "latest"}";

    // The sink is made when everything else is known: a failed export leaves no empty target behind.
    private async Task<ImmutableArray<ExportedImage>> WriteAsync(
        IReadOnlyList<ExportGroup> groups, Func<LayoutSink> open, ExportOptions options, CancellationToken cancellationToken)
    {
        using IDisposable use = _store.Use();
        var documents = new SortedDictionary<string, ImmutableArray<byte>>(StringComparer.Ordinal);
        var layers = new SortedDictionary<string, Descriptor>(StringComparer.Ordinal);
        var exported = ImmutableArray.CreateBuilder<ExportedImage>();
        var entries = new List<Descriptor>();
        var docker = ImmutableList.CreateBuilder<DockerArchiveImage>();
        foreach (ExportGroup group in groups)
        {
            var manifests = new List<BuiltManifest>();
            foreach (ExportImage image in group.Images)
            {
                BuiltManifest manifest = await _manifests
                    .BuildAsync(image, options, cancellationToken).ConfigureAwait(false);
                manifests.Add(manifest);
                documents[BlobPath(manifest.Descriptor.Digest)] = manifest.Json;
                documents[BlobPath(manifest.Content.Config.Digest)] = manifest.Config;
                foreach (Descriptor layer in manifest.Content.Layers)
                {
                    layers[BlobPath(layer.Digest)] = layer;
                }

                docker.Add(DockerImage(manifest, group));
            }

            Descriptor target = manifests[0].Descriptor;
            if (manifests.Count > 1)
            {
                (target, ImmutableArray<byte> index) = ManifestBuilder.BuildIndex(manifests, options);
                documents[BlobPath(target.Digest)] = index;
                target = target with { Annotations = options.Annotations.For(AnnotationLevel.IndexDescriptor) };
            }

            entries.AddRange(Named(target, group.Names));
            exported.Add(new ExportedImage(target, manifests[0].Content.Config.Digest));
        }

        await Task.Run(
            () => Write(open(), documents, layers, entries, options.DockerArchive ? docker.ToImmutable() : null, cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return exported.ToImmutable();
    }

    private void Write(
        LayoutSink sink, SortedDictionary<string, ImmutableArray<byte>> documents,
        SortedDictionary<string, Descriptor> layers, List<Descriptor> entries,
        ImmutableList<DockerArchiveImage>? docker, CancellationToken cancellationToken)
    {
        foreach (string path in documents.Keys.Union(layers.Keys).Order(StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (sink.Contains(path))
            {
                continue;
            }

            if (documents.TryGetValue(path, out ImmutableArray<byte> document))
            {
                sink.Add(path, document.AsSpan());
                continue;
            }

            using Stream content = _store.Blobs.Open(layers[path].Digest);
            sink.Add(path, content, layers[path].Size);
        }

        sink.Add(IndexFile, OciJson.Serialize(MergeIndex(sink.TryRead(IndexFile), entries)));
        if (docker is not null)
        {
            sink.Add(DockerManifestFile, OciJson.Serialize(docker));
        }

        sink.Add(LayoutFile, LayoutContent);
        sink.Finish();
    }

    // What the target has under other names stays; what has none stays too, unless it is the same.
    private static ImageIndex MergeIndex(byte[]? existing, List<Descriptor> entries)
    {
        IEnumerable<Descriptor> kept = existing is null
            ? []
            : OciJson.ParseIndex(existing).Manifests.Where(old => !entries.Any(entry =>
                RefOf(old) is { } name ? name == RefOf(entry) : old.Digest == entry.Digest));
        return new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [.. kept, .. entries] };

        static string? RefOf(Descriptor descriptor) =>
            descriptor.Annotations?.GetValueOrDefault(ContainerdName) ?? descriptor.Annotations?.GetValueOrDefault(RefName);
    }

    private static IEnumerable<Descriptor> Named(Descriptor target, ImmutableArray<ImageReference> names)
    {
        if (names.IsEmpty)
        {
            return [target];
        }

        return names.Select(name => target with
        {
            Annotations = (target.Annotations ?? ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal))
                .SetItem(ContainerdName, $"{name.Registry}/{name.Repository}:{name.Tag ?? "latest"}")
                .SetItem(RefName, name.Tag ?? "latest"),
        });
    }

    private static DockerArchiveImage DockerImage(BuiltManifest manifest, ExportGroup group) => new()
    {
        Config = BlobPath(manifest.Content.Config.Digest),
        RepoTags = [.. group.Names.Select(Familiar)],
        Layers = [.. manifest.Content.Layers.Select(layer => BlobPath(layer.Digest))],
    };
}

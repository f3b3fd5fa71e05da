// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;

namespace Builder.Executor.Images;

/// <summary>Reads an OCI layout that is a directory of the host. Source: image-spec, image-layout.md.</summary>
internal sealed class LayoutReader
{
    private const int MaxIndexBytes = 4 * 1024 * 1024;
    private const string NameAnnotation = "org.opencontainers.image.ref.name";

    private readonly string _path;
    private readonly ImageIndex _index;

    private LayoutReader(string path, ImageIndex index)
    {
        _path = path;
        _index = index;
    }

    /// <summary>Opens a layout.</summary>
    /// <exception cref="ContentException">The directory is no layout.</exception>
    public static LayoutReader Open(string path, string subject)
    {
        if (!File.Exists(Path.Combine(path, "oci-layout")))
        {
            throw new ContentException(ContentFailure.NotFound, $"{subject}: \"{path}\" is no OCI layout (no oci-layout file)");
        }

        return new LayoutReader(path, OciJson.ParseIndex(ReadAll(Path.Combine(path, "index.json"), MaxIndexBytes)));
    }

    /// <summary>The path of a blob.</summary>
    public static string BlobPath(string layout, Digest digest) => Path.Combine(layout, "blobs", "sha256", digest.Hex);

    /// <summary>Opens a file for reading; not being there is said as a content failure.</summary>
    public static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ContentException(ContentFailure.NotFound, $"read \"{path}\": {e.Message}", e);
        }
    }

    /// <summary>Chooses the entry of index.json that a tag or digest names, or the only one.</summary>
    /// <exception cref="ContentException">There is none, or there are several.</exception>
    public Descriptor Choose(string? tag, Digest? digest, string subject)
    {
        List<Descriptor> entries = [.. _index.Manifests.Where(entry =>
            digest is { } wanted ? entry.Digest == wanted : tag is null || IsNamed(entry, tag))];
        if (entries.Count > 1 && entries.DistinctBy(entry => entry.Digest).Count() > 1 && tag is null)
        {
            List<Descriptor> latest = [.. entries.Where(entry => IsNamed(entry, ImageReference.DefaultTag))];
            entries = latest.Count > 0 ? latest : entries;
        }

        if (entries.Count > 0 && entries.DistinctBy(entry => entry.Digest).Count() == 1)
        {
            return entries[0];
        }

        string names = string.Join(", ", _index.Manifests.Select(NameOf).OfType<string>());
        throw new ContentException(
            ContentFailure.NotFound,
            $"{subject}: {(entries.Count == 0 ? "no such image" : "several images")} in the layout \"{_path}\"")
        {
            Hint = names.Length == 0 ? null : $"it has {names}; choose with oci-layout://PATH:NAME",
        };
    }

    /// <summary>Reads a small blob; its digest is verified by whoever stores it.</summary>
    public byte[] ReadBlob(Descriptor blob, int limit) => ReadAll(BlobPath(_path, blob.Digest), limit);

    private static bool IsNamed(Descriptor entry, string tag)
    {
        string? name = NameOf(entry);
        return name == tag
            || (name is not null && ImageReference.TryParse(name, out ImageReference? reference) && reference.Tag == tag
                && name.EndsWith(":" + tag, StringComparison.Ordinal));
    }

    private static string? NameOf(Descriptor entry) => entry.Annotations?.GetValueOrDefault(NameAnnotation);

    private static byte[] ReadAll(string path, int limit)
    {
        using FileStream file = Open(path);
        if (file.Length > limit)
        {
            throw new ContentException(ContentFailure.TooLarge, $"read \"{path}\": larger than {limit} bytes");
        }

        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json;
using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Executor.Images;

/// <summary>
/// The list of images, named or not: one small file an image, called by its id. Changes of one record go through a lock,
/// each is one rename. Thread-safe.
/// </summary>
internal sealed class ImageRecords
{
    private readonly Store _store;
    private readonly string _directory;

    internal ImageRecords(Store store)
    {
        _store = store;
        _directory = Path.Combine(store.Root, "images");
    }

    /// <summary>The record of an image, or null.</summary>
    public ImageRecord? Find(Digest id)
    {
        string path = PathOf(id);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), StoreJson.Default.ImageRecord);
        }
        catch (Exception failure) when (failure is FileNotFoundException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Registers an image, or adds to what is known of it; durable.</summary>
    public ImageRecord Add(Digest id, Descriptor manifest, IEnumerable<string> repoDigests)
    {
        using IDisposable section = _store.Locks.Acquire("images");
        ImageRecord? former = Find(id);
        ImmutableSortedSet<string> known = former?.RepoDigests ?? ImmutableSortedSet.Create<string>(StringComparer.Ordinal);
        var record = new ImageRecord
        {
            Manifest = manifest with { Annotations = null },
            RepoDigests = known.Union(repoDigests),
        };
        if (former is null || former.Manifest.Digest != manifest.Digest
            || former.RepoDigests.Count != record.RepoDigests.Count)
        {
            Write(id, record);
        }

        return record;
    }

    /// <summary>Forgets names that registries know the image by.</summary>
    public void RemoveRepoDigests(Digest id, Func<string, bool> condition)
    {
        using IDisposable section = _store.Locks.Acquire("images");
        if (Find(id) is { } record)
        {
            Write(id, record with { RepoDigests = record.RepoDigests.Except(record.RepoDigests.Where(condition)) });
        }
    }

    /// <summary>Forgets an image.</summary>
    public void Remove(Digest id) => AtCalls.TryUnlink(AtCalls.CurrentDirectory, PathEncoding.Encode(PathOf(id)));

    /// <summary>The ids of all images.</summary>
    public IEnumerable<Digest> List() =>
        Directory.EnumerateFiles(_directory)
            .Select(path => Digest.TryParse("sha256:" + Path.GetFileName(path), out Digest digest) ? digest : default)
            .Where(digest => !digest.IsDefault);

    private void Write(Digest id, ImageRecord record) => _store.Tmp.WriteAtomically(
        PathOf(id), JsonSerializer.SerializeToUtf8Bytes(record, StoreJson.Default.ImageRecord), durable: true);

    private string PathOf(Digest id) => Path.Combine(_directory, id.Hex);
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Explaining;
using Builder.Solver.Images;

namespace Builder.Executor.Maintenance;

/// <summary>
/// Everything of a store that is build cache: step records with their layers, cache mounts, downloads, and what nothing
/// needs. Reading lists records only; measuring walks the files. Not thread-safe.
/// </summary>
public sealed class CacheInventory
{
    private const int ShownCharacters = 200;

    private readonly Store _store;
    private readonly ReachableContent _images;
    private readonly DiskUsage _usage = new();

    private CacheInventory(Store store)
    {
        _store = store;
        _images = new ReachableContent(store);
        _images.AddImages();
        _images.AddContainers();
        _images.AddLayerForms();
    }

    /// <summary>The entries, the most recently used first.</summary>
    public ImmutableArray<CacheEntry> Entries { get; private set; } = [];

    /// <summary>What images and containers take of the layers' room; known once measured.</summary>
    public long ImageBytes { get; private set; }

    /// <summary>The sum of what the entries take; known once measured.</summary>
    public long TotalBytes => Entries.Sum(entry => entry.Bytes);

    /// <summary>Lists the entries of a store, not measured.</summary>
    public static CacheInventory Read(Store store)
    {
        var inventory = new CacheInventory(store);
        IEnumerable<CacheEntry> steps = inventory.ReadRecords();
        inventory.Entries =
        [
            .. steps.Concat(inventory.ReadMounts()).Concat(inventory.ReadDownloads())
                .OrderByDescending(entry => entry.LastUsed).ThenBy(entry => entry.Id, StringComparer.Ordinal),
            .. inventory.FindUnused(),
        ];
        return inventory;
    }

    /// <summary>
    /// At most what the cache takes, from lengths that are recorded: only cache mounts, of which none is, are walked. What
    /// entries share counts for each.
    /// </summary>
    public long EstimateBytes() => Entries.Sum(entry => entry.Kind switch
    {
        CacheEntryKind.Mount => entry.Paths.Sum(DiskUsage.Of),
        CacheEntryKind.Step when !entry.IsShared && entry.Layer is { } layer =>
            (_store.Snapshots.FindSize(new DiffId(layer))?.TarBytes ?? 0)
            + FormsOf(layer).Sum(blob => _store.Blobs.IsFile(blob) ? _store.Blobs.FindSize(blob) ?? 0 : 0),
        _ => 0,
    });

    /// <summary>
    /// Measures: files that images need count for them, then for the most recently used entry that has them.
    /// </summary>
    public void Measure()
    {
        ImageBytes = _images.ListPaths().Sum(_usage.Add);
        Entries = [.. Entries.Select(entry => entry with { Bytes = Measure(entry) })];
    }

    /// <summary>What some images take together, layers that they share counted once.</summary>
    public long MeasureImages(IEnumerable<Digest> ids) => PathsOf(ids).Sum(new DiskUsage().Add);

    /// <summary>What each image takes, and how much of that no other image needs.</summary>
    public IReadOnlyDictionary<Digest, (long Bytes, long UniqueBytes)> MeasureEachImage(IEnumerable<Digest> ids)
    {
        Dictionary<Digest, string[]> paths = ids.ToDictionary(id => id, id => PathsOf([id]).ToArray());
        ILookup<string, string> users = paths.Values.SelectMany(all => all).ToLookup(path => path, StringComparer.Ordinal);
        Dictionary<string, long> sizes = users.ToDictionary(user => user.Key, user => DiskUsage.Of(user.Key), StringComparer.Ordinal);
        return paths.ToDictionary(image => image.Key, image => (
            image.Value.Sum(path => sizes[path]), image.Value.Where(path => users[path].Count() == 1).Sum(path => sizes[path])));
    }

    private IEnumerable<string> PathsOf(IEnumerable<Digest> ids)
    {
        var needed = new ReachableContent(_store);
        foreach (Digest id in ids)
        {
            needed.AddImage(id);
        }

        needed.AddLayerForms();
        return needed.ListPaths();
    }

    private long Measure(CacheEntry entry)
    {
        long bytes = entry.Paths.Sum(_usage.Add);
        if (entry.IsShared || entry.Layer is not { } layer)
        {
            return bytes;
        }

        return bytes + _usage.Add(_store.Snapshots.PathOf(layer))
            + FormsOf(layer).Where(blob => !_images.Blobs.Contains(blob)).Sum(blob => _usage.Add(_store.Blobs.PathOf(blob)));
    }

    private IEnumerable<Digest> FormsOf(Digest layer) =>
        _store.Layers.Find(new DiffId(layer), verifiedOnly: false).Select(form => form.Digest).Append(layer).Distinct();

    private IEnumerable<CacheEntry> ReadRecords()
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        var steps = new List<(string Path, string Key, StepRecord Record, DateTimeOffset Used)>();
        var others = new List<CacheEntry>();
        foreach (string path in CacheDirectory.ListFiles(_store))
        {
            if (CacheDirectory.Read(path) is not ({ } file, var used))
            {
                continue;
            }

            if (file.Key.StartsWith(StepRecord.KeyPrefix, StringComparison.Ordinal)
                && StepRecord.TryDecode(file.Value.ToArray(), withInputs: true) is { } record)
            {
                steps.Add((path, file.Key[StepRecord.KeyPrefix.Length..], record, used));
                continue;
            }

            if (file.Key.StartsWith(BuildTrace.KeyPrefix, StringComparison.Ordinal))
            {
                foreach (StepTrace step in BuildTrace.TryDecode(file.Value.Span)?.Steps ?? [])
                {
                    texts[step.Key] = step.Text;
                }
            }

            others.Add(Internal(path, file.Key, used));
        }

        // Records of one layer live and die together: each alone would free nothing.
        return steps
            .GroupBy(step => step.Record.Layer?.Value.Hex ?? step.Key, StringComparer.Ordinal)
            .Select(group => Step([.. group], texts))
            .Concat(others);
    }

    private CacheEntry Step(
        ImmutableArray<(string Path, string Key, StepRecord Record, DateTimeOffset Used)> records,
        Dictionary<string, string> texts)
    {
        StepRecord first = records[0].Record;
        string? text = records.Select(record => texts.GetValueOrDefault(record.Key)).FirstOrDefault(t => t is not null);
        return new CacheEntry
        {
            Id = first.Layer?.Value.Hex ?? records[0].Key,
            Kind = CacheEntryKind.Step,
            Description = Shorten(text ?? Describe(first)),
            Created = records.Min(record => record.Record.Created),
            LastUsed = records.Max(record => record.Used),
            IsShared = first.Layer is { } layer && _images.Snapshots.Contains(layer.Value),
            Layer = first.Layer?.Value,
            Paths = [.. records.Select(record => record.Path)],
        };
    }

    /// <summary>A step of which no trace tells the text: from the fields of its key.</summary>
    private static string Describe(StepRecord record)
    {
        string[] wanted = ["operation", "argument", "path", "destination", "directory"];
        return string.Join(' ', record.Inputs.Where(input => wanted.Contains(input.Name)).Select(input => input.Value));
    }

    private static string Shorten(string text)
    {
        text = text.ReplaceLineEndings(" ");
        return text.Length <= ShownCharacters ? text : text[..ShownCharacters];
    }

    private static CacheEntry Internal(string path, string key, DateTimeOffset used) => new()
    {
        Id = Path.GetFileName(Path.GetDirectoryName(path)) + Path.GetFileName(path),
        Kind = CacheEntryKind.Internal,
        Description = Shorten(key),
        Created = used,
        LastUsed = used,
        Paths = [path],
    };

    private IEnumerable<CacheEntry> ReadMounts()
    {
        foreach (DirectoryInfo mount in new DirectoryInfo(_store.MountsPath).EnumerateDirectories())
        {
            string id = Path.Combine(mount.FullName, Steps.CacheMounts.IdFile);
            yield return new CacheEntry
            {
                Id = mount.Name,
                Kind = CacheEntryKind.Mount,
                Description = File.Exists(id) ? $"cached mount {Shorten(File.ReadAllText(id))}" : "cached mount",
                Created = mount.CreationTimeUtc,
                LastUsed = mount.LastWriteTimeUtc,
                Paths = [mount.FullName],
            };
        }
    }

    private IEnumerable<CacheEntry> ReadDownloads()
    {
        var directory = new DirectoryInfo(Path.Combine(_store.CachePath, "http"));
        if (!directory.Exists)
        {
            yield break;
        }

        // Read when it is copied: the later of the two times is the last use.
        foreach (FileInfo file in directory.EnumerateFiles())
        {
            yield return new CacheEntry
            {
                Id = Path.GetFileNameWithoutExtension(file.Name),
                Kind = CacheEntryKind.Download,
                Description = file.Extension.Length == 0 ? "download" : "what a server said of a download",
                Created = file.CreationTimeUtc,
                LastUsed = file.LastWriteTimeUtc > file.LastAccessTimeUtc ? file.LastWriteTimeUtc : file.LastAccessTimeUtc,
                Paths = [file.FullName],
            };
        }
    }

    private IEnumerable<CacheEntry> FindUnused()
    {
        var needed = new ReachableContent(_store);
        needed.AddImages();
        needed.AddContainers();
        needed.AddRecords();
        needed.AddLayerForms();
        foreach (Digest name in _store.Snapshots.List().Where(name => !needed.Snapshots.Contains(name)))
        {
            yield return Unused(name, "layer", _store.Snapshots.PathOf(name));
        }

        foreach (Digest name in _store.Blobs.List().Where(name => !needed.Blobs.Contains(name)))
        {
            yield return Unused(name, "blob", _store.Blobs.PathOf(name));
        }
    }

    private static CacheEntry Unused(Digest name, string what, string path)
    {
        DateTimeOffset changed = File.GetLastWriteTimeUtc(path);
        return new CacheEntry
        {
            Id = name.Hex,
            Kind = CacheEntryKind.Unused,
            Description = $"{what} that nothing needs",
            Created = changed,
            LastUsed = changed,
            Paths = [path],
        };
    }
}

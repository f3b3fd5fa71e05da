// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Registry;
using Builder.Executor.RemoteCache.Mounts;
using Builder.Executor.Steps;
using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Explaining;
using Builder.Solver.Images;
using Microsoft.Extensions.Caching.Distributed;

namespace Builder.Executor.RemoteCache;

/// <summary>
/// The step cache of one build: the store's own, then what <c>--cache-from</c> names; and it knows which records the build
/// used, for <c>--cache-to</c>. Only records are read at the start; a layer is fetched when something needs its files. A
/// cache that fails is a warning unless it says <c>ignore-error=false</c>. Thread-safe.
/// </summary>
public sealed class SharedStepCache : IDistributedCache, IDisposable
{
    private const int MaxFileListBytes = 512 * 1024;

    private readonly IDistributedCache _local;
    private readonly Store _store;
    private readonly LayerFetcher _layers;
    private readonly RegistryClient _registries;
    private readonly LayerSender _sender;
    private readonly Action<string> _warn;
    private readonly ConcurrentDictionary<string, byte[]> _used = new(StringComparer.Ordinal);
    private readonly List<(CacheSpec Spec, CacheSource Source)> _sources = [];
    private readonly ConcurrentDictionary<CacheSource, bool> _failed = new();
    private readonly List<IDisposable> _open = [];

    /// <summary>Creates the cache of one build.</summary>
    /// <param name="local">The store's own records.</param>
    /// <param name="store">The store.</param>
    /// <param name="registries">The registries.</param>
    /// <param name="images">The build's image source; its fetcher learns where cached layers are.</param>
    /// <param name="warn">Told about caches that failed.</param>
    public SharedStepCache(
        IDistributedCache local, Store store, RegistryClient registries, ImageSource images, Action<string> warn)
    {
        _local = local;
        _store = store;
        _layers = images.Layers;
        _registries = registries;
        _warn = warn;
        _sender = new LayerSender(store, images.Layers);
        Mounts = new SharedCacheMounts(store, warn);
    }

    /// <summary>The contents of cache mounts that are shared.</summary>
    public SharedCacheMounts Mounts { get; }

    /// <summary>Reads the records of <c>--cache-from</c>; all sources at the same time.</summary>
    /// <exception cref="BuildException">A source failed that says <c>ignore-error=false</c>.</exception>
    public async Task ImportAsync(IEnumerable<CacheSpec> from, CancellationToken cancellationToken)
    {
        List<(CacheSpec Spec, Task<CacheSource?> Load)> loads =
            [.. from.Select(spec => (spec, LoadAsync(spec, cancellationToken)))];
        foreach ((CacheSpec spec, Task<CacheSource?> load) in loads)
        {
            if (await load.ConfigureAwait(false) is { } source)
            {
                _sources.Add((spec, source));
                if (spec.HasMounts)
                {
                    Mounts.AddSource(spec, source);
                }
            }
        }
    }

    /// <summary>Writes what the build used to each <c>--cache-to</c>, except inline ones.</summary>
    /// <param name="to">The targets.</param>
    /// <param name="images">What the build made: the configs of all platforms.</param>
    /// <param name="mounts">The ids of the cache mounts that its steps mention.</param>
    /// <param name="progress">Told about transfers; may be null.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="BuildException">A target failed that says <c>ignore-error=false</c>.</exception>
    public async Task ExportAsync(
        IEnumerable<CacheSpec> to, IReadOnlyCollection<ImageConfig> images, IReadOnlyCollection<string> mounts,
        Action<TransferProgress>? progress, CancellationToken cancellationToken)
    {
        foreach (CacheSpec spec in to.Where(spec => spec.Kind != CacheKind.Inline))
        {
            await GuardAsync(spec, "export", async () =>
            {
                await ExportAsync(spec, images, mounts, progress, cancellationToken).ConfigureAwait(false);
                return true;
            }).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// How a layer gets to each <c>--cache-to</c> that will want it, for doing so while the build still runs.
    /// </summary>
    public IEnumerable<LayerCarrier> Carriers(IEnumerable<CacheSpec> to) =>
        to.Where(spec => spec.Kind != CacheKind.Inline).Select(spec =>
        {
            CacheStorage storage = OpenStorage(spec);
            PushOptions options = OptionsOf(spec, progress: null);
            return new LayerCarrier((layer, isInImage, token) => isInImage || spec.IsMax
                ? storage.SendLayerAsync(layer, options, token)
                : Task.CompletedTask);
        });

    /// <summary>
    /// The annotations of the image's manifest for <c>type=inline</c>: the records of the steps whose layers are in it,
    /// without their inputs. Empty, with a warning, when they are too large.
    /// </summary>
    public ImmutableSortedDictionary<string, string> InlineAnnotations(IReadOnlyCollection<ImageConfig> images)
    {
        (CacheDocument records, _) = Select(images, isMax: false, withInputs: false);
        string text = Convert.ToBase64String(records.Encode());
        if (text.Length > CacheArtifact.MaxInlineCharacters)
        {
            _warn("export inline cache: the records are too large for a manifest; use type=registry");
            return ImmutableSortedDictionary<string, string>.Empty;
        }

        return ImmutableSortedDictionary<string, string>.Empty.Add(CacheArtifact.InlineAnnotation, text);
    }

    /// <inheritdoc/>
    public async Task<byte[]?> GetAsync(string key, CancellationToken token = default)
    {
        byte[]? own = IsOfOthers(key)
            ? _used.GetValueOrDefault(key)
            : await _local.GetAsync(key, token).ConfigureAwait(false);
        byte[]? record = own is not null && IsComplete(key, own)
            ? own
            : await FindAsync(key, token).ConfigureAwait(false) ?? own;
        if (record is not null)
        {
            _used[key] = record;
        }

        return record;
    }

    /// <inheritdoc/>
    public async Task SetAsync(
        string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        _used[key] = value;
        if (!IsOfOthers(key))
        {
            await _local.SetAsync(key, value, options, token).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public byte[]? Get(string key) => GetAsync(key).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public void Set(string key, byte[] value, DistributedCacheEntryOptions options)
    {
        _used[key] = value;
        _local.Set(key, value, options);
    }

    /// <inheritdoc/>
    public void Refresh(string key) => _local.Refresh(key);

    /// <inheritdoc/>
    public Task RefreshAsync(string key, CancellationToken token = default) => _local.RefreshAsync(key, token);

    /// <inheritdoc/>
    public void Remove(string key) => _local.Remove(key);

    /// <inheritdoc/>
    public Task RemoveAsync(string key, CancellationToken token = default) => _local.RemoveAsync(key, token);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable item in _sources.Select(source => source.Source).OfType<IDisposable>().Concat(_open))
        {
            item.Dispose();
        }
    }

    private Task<CacheSource?> LoadAsync(CacheSpec spec, CancellationToken cancellationToken) =>
        GuardAsync<CacheSource>(spec, "import", async () =>
        {
            CacheStorage storage = OpenStorage(spec);
            return spec.Kind == CacheKind.Redis
                ? new RedisCacheSource(spec, _registries, _layers, storage)
                : await storage.ReadAsync(cancellationToken).ConfigureAwait(false) is { } document
                    ? new LoadedCacheSource(document, storage)
                    : null;
        });

    private static PushOptions OptionsOf(CacheSpec spec, Action<TransferProgress>? progress) => new()
    {
        Progress = progress,
        Compression = new CompressionOptions(Layers.Compression.Gzip, spec.CompressionLevel),
    };

    private CacheStorage OpenStorage(CacheSpec spec)
    {
        CacheStorage storage = spec.Kind switch
        {
            CacheKind.Local => new DirectoryCache(spec.Path!, _store, _layers, _sender),
            CacheKind.S3 => new S3Cache(spec.Bucket!, _store, _layers, _sender),
            CacheKind.Redis => new RegistryCache(_registries, spec.Reference!, null, _layers, _sender),
            _ => new RegistryCache(_registries, spec.Reference!, spec.Reference!.Tag, _layers, _sender),
        };
        if (storage is IDisposable open)
        {
            lock (_open)
            {
                _open.Add(open);
            }
        }

        return storage;
    }

    private async Task<byte[]?> FindAsync(string key, CancellationToken cancellationToken)
    {
        foreach ((CacheSpec spec, CacheSource source) in _sources)
        {
            if (!_failed.ContainsKey(source)
                && await GuardAsync(
                    spec, "read", () => source.FindAsync(key, cancellationToken), source).ConfigureAwait(false) is { } record)
            {
                return record;
            }
        }

        return null;
    }

    /// <summary>A cache never fails a build, unless it was asked to.</summary>
    private async Task<T?> GuardAsync<T>(CacheSpec spec, string operation, Func<Task<T?>> use, CacheSource? source = null)
    {
        try
        {
            return await use().ConfigureAwait(false);
        }
        catch (BuildException e) when (spec.IgnoresErrors)
        {
            if (source is null || _failed.TryAdd(source, true))
            {
                _warn($"{operation} {spec}: {e.Message}{(e.Hint is null ? "" : $" ({e.Hint})")}");
            }

            return default;
        }
    }

    private async Task ExportAsync(
        CacheSpec spec, IReadOnlyCollection<ImageConfig> images, IReadOnlyCollection<string> mounts,
        Action<TransferProgress>? progress, CancellationToken cancellationToken)
    {
        (CacheDocument document, HashSet<DiffId> layers) = Select(images, spec.IsMax, withInputs: true);
        PushOptions options = OptionsOf(spec, progress);
        document = document with
        {
            Records = await WithFilesAsync(document.Records, cancellationToken).ConfigureAwait(false),
        };
        CacheStorage storage = OpenStorage(spec);
        CachedLayer[] sent = await Task.WhenAll(layers.Select(async layer => new CachedLayer(
            layer, await storage.SendLayerAsync(layer, options, cancellationToken).ConfigureAwait(false))))
            .ConfigureAwait(false);
        document = document with { Layers = [.. sent.OrderBy(layer => layer.DiffId.Value)] };
        using RedisCacheSource? redis = spec.Kind == CacheKind.Redis
            ? new RedisCacheSource(spec, _registries, _layers, storage)
            : null;
        if (spec.HasMounts)
        {
            CacheDocument? before = await ReadFormerAsync(redis, storage, mounts, cancellationToken).ConfigureAwait(false);
            document = document with
            {
                Mounts = await Mounts.ExportAsync(spec, storage, before, mounts, cancellationToken).ConfigureAwait(false),
            };
        }

        await storage.PublishAsync(document, cancellationToken).ConfigureAwait(false);
        if (redis is not null)
        {
            await redis.SaveAsync(document, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// The records, and the lists of files behind the digests in them, so that another machine can name the file that
    /// changed; long lists stay here.
    /// </summary>
    private async Task<ImmutableSortedDictionary<string, byte[]>> WithFilesAsync(
        ImmutableSortedDictionary<string, byte[]> records, CancellationToken cancellationToken)
    {
        ImmutableSortedDictionary<string, byte[]>.Builder all = records.ToBuilder();
        foreach ((string key, byte[] value) in records)
        {
            string? source = key.StartsWith(StepRecord.KeyPrefix, StringComparison.Ordinal)
                ? StepRecord.TryDecode(value, withInputs: true)?.Inputs
                    .FirstOrDefault(input => input.Name == StepKeys.Source)?.Value
                : null;
            if (source is null || !Digest.TryParse(source, out Digest digest) || all.ContainsKey(TraceNames.ForFiles(digest)))
            {
                continue;
            }

            string name = TraceNames.ForFiles(digest);
            byte[]? files = await _local.GetAsync(name, cancellationToken).ConfigureAwait(false)
                ?? await FindAsync(name, cancellationToken).ConfigureAwait(false);
            if (files?.Length <= MaxFileListBytes)
            {
                all[name] = files;
            }
        }

        return all.ToImmutable();
    }

    /// <summary>What the target has of the mounts until now; what cannot be read is replaced.</summary>
    private async Task<CacheDocument?> ReadFormerAsync(
        RedisCacheSource? redis, CacheStorage storage, IReadOnlyCollection<string> mounts, CancellationToken cancellationToken)
    {
        try
        {
            if (redis is null)
            {
                return await storage.ReadAsync(cancellationToken).ConfigureAwait(false);
            }

            List<CachedMount> found = [];
            foreach (string id in mounts)
            {
                if (await redis.FindMountAsync(CacheMounts.NameOf(id), cancellationToken).ConfigureAwait(false) is { } mount)
                {
                    found.Add(mount);
                }
            }

            return new CacheDocument { Records = ImmutableSortedDictionary<string, byte[]>.Empty, Mounts = [.. found] };
        }
        catch (BuildException e)
        {
            _warn($"export cache mounts: what is there cannot be read and is replaced: {e.Message}");
            return null;
        }
    }

    /// <summary>The records that were used, as far as their layers can be given, and those layers.</summary>
    private (CacheDocument Records, HashSet<DiffId> Layers) Select(
        IReadOnlyCollection<ImageConfig> images, bool isMax, bool withInputs)
    {
        HashSet<DiffId> ofImages = [.. images.SelectMany(image => image.RootFs.Layers)];
        HashSet<DiffId> layers = [];
        ImmutableSortedDictionary<string, byte[]>.Builder records =
            ImmutableSortedDictionary.CreateBuilder<string, byte[]>(StringComparer.Ordinal);
        foreach ((string key, byte[] value) in _used)
        {
            if (!key.StartsWith(StepRecord.KeyPrefix, StringComparison.Ordinal))
            {
                records[key] = value;
                continue;
            }

            StepRecord? record = StepRecord.TryDecode(value, withInputs);
            if (record is null || (record.Layer is { } layer && !((isMax || ofImages.Contains(layer)) && CanGive(layer))))
            {
                continue;
            }

            records[key] = withInputs ? value : record.Encode();
            if (record.Layer is { } given)
            {
                layers.Add(given);
            }
        }

        return (new CacheDocument { Records = records.ToImmutable() }, layers);
    }

    private static bool IsOfOthers(string key) => key.StartsWith(TraceNames.SharedPrefix, StringComparison.Ordinal);

    private bool IsComplete(string key, byte[] value) =>
        !key.StartsWith(StepRecord.KeyPrefix, StringComparison.Ordinal)
        || StepRecord.TryDecode(value, withInputs: false)?.Layer is not { } layer
        || CanGive(layer);

    private bool CanGive(DiffId layer) =>
        _store.Blobs.Contains(layer.Value)
        || _layers.CanFetch(layer)
        || _store.Layers.Find(layer, verifiedOnly: true).Any(form => _store.Blobs.IsFile(form.Digest));
}

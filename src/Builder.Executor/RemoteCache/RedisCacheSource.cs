// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.StackExchangeRedis;
using StackExchange.Redis;

namespace Builder.Executor.RemoteCache;

/// <summary>
/// Records in Redis, and beside them under <c>layer-HEX</c> the blobs in which a registry has the layers. A server that
/// fails is not asked again in this build.
/// </summary>
internal sealed class RedisCacheSource : CacheSource, IDisposable
{
    private const string Prefix = "bld:";
    private const string LayerPrefix = "layer-";
    private const string MountPrefix = "mount-";
    private const int TimeoutMilliseconds = 5_000;

    private static readonly DistributedCacheEntryOptions s_keep = new();

    private readonly RedisCache _redis;
    private readonly LayerFetcher _layers;
    private readonly ImageReference _reference;
    private readonly Lazy<ImmutableArray<RegistryRepository>> _places;

    /// <summary>Connects when it is asked.</summary>
    /// <param name="spec">The server and the repository.</param>
    /// <param name="registries">The registries.</param>
    /// <param name="layers">Learns where layers are.</param>
    /// <param name="storage">The repository of the layers.</param>
    public RedisCacheSource(CacheSpec spec, RegistryClient registries, LayerFetcher layers, CacheStorage storage)
    {
        Storage = storage;
        _reference = spec.Reference!;
        _layers = layers;
        _places = new Lazy<ImmutableArray<RegistryRepository>>(() => registries.PullPlaces(_reference));
        _redis = new RedisCache(new RedisCacheOptions { ConfigurationOptions = Options(spec), InstanceName = Prefix });
    }

    /// <inheritdoc/>
    public override CacheStorage Storage { get; }

    /// <inheritdoc/>
    public override async Task<CachedMount?> FindMountAsync(string name, CancellationToken cancellationToken)
    {
        byte[]? bytes = await AskAsync(() => _redis.GetAsync(MountPrefix + name, cancellationToken)).ConfigureAwait(false);
        return bytes is not null && ReadDescriptor(bytes) is { MediaType: CacheArtifact.MountIndexType } index
            ? new CachedMount(name, index)
            : null;
    }

    /// <inheritdoc/>
    public override async Task<byte[]?> FindAsync(string name, CancellationToken cancellationToken)
    {
        byte[]? record = await AskAsync(() => _redis.GetAsync(name, cancellationToken)).ConfigureAwait(false);
        if (record is null || !name.StartsWith(StepRecord.KeyPrefix, StringComparison.Ordinal)
            || StepRecord.TryDecode(record, withInputs: false)?.Layer is not { } layer)
        {
            return record;
        }

        byte[]? bytes = await AskAsync(() => _redis.GetAsync(LayerPrefix + layer.Value.Hex, cancellationToken))
            .ConfigureAwait(false);
        if (bytes is not null && ReadDescriptor(bytes) is { } blob && MediaTypes.IsLayer(blob.MediaType))
        {
            _layers.Add(layer, new LayerOrigin(blob, _reference, _places.Value, null));
        }

        return record;
    }

    /// <summary>Writes where layers and contents of mounts are, and then the records that name them.</summary>
    public async Task SaveAsync(CacheDocument document, CancellationToken cancellationToken)
    {
        IEnumerable<(string Name, Descriptor Blob)> blobs = document.Layers
            .Select(layer => (LayerPrefix + layer.DiffId.Value.Hex, layer.Blob))
            .Concat(document.Mounts.Select(mount => (MountPrefix + mount.Name, mount.Index)));
        foreach ((string name, Descriptor blob) in blobs)
        {
            byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(blob, CacheJsonContext.Default.Descriptor);
            await SetAsync(name, bytes, cancellationToken).ConfigureAwait(false);
        }

        foreach ((string name, byte[] record) in document.Records)
        {
            await SetAsync(name, record, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _redis.Dispose();

    private static ConfigurationOptions Options(CacheSpec spec)
    {
        string server = spec.Server!;
        if (Uri.TryCreate(server, UriKind.Absolute, out Uri? url) && url.Scheme is "redis" or "rediss")
        {
            string[] user = Uri.UnescapeDataString(url.UserInfo).Split(':', 2);
            return WithLimits(new ConfigurationOptions
            {
                EndPoints = { { url.Host, url.Port > 0 ? url.Port : 6379 } },
                Ssl = url.Scheme == "rediss",
                User = user.Length == 2 && user[0].Length > 0 ? user[0] : null,
                Password = user.Length == 2 ? user[1] : null,
                DefaultDatabase = int.TryParse(url.AbsolutePath.Trim('/'), out int database) ? database : null,
            });
        }

        try
        {
            return WithLimits(ConfigurationOptions.Parse(server));
        }
        catch (ArgumentException e)
        {
            throw new RegistryException(RegistryFailure.Configuration, $"connect to redis: {e.Message}", e);
        }
    }

    private static ConfigurationOptions WithLimits(ConfigurationOptions options)
    {
        options.ConnectTimeout = TimeoutMilliseconds;
        options.AsyncTimeout = TimeoutMilliseconds;
        options.ConnectRetry = 1;
        return options;
    }

    private static Descriptor? ReadDescriptor(byte[] bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, CacheJsonContext.Default.Descriptor);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private Task<bool> SetAsync(string name, byte[] value, CancellationToken cancellationToken) => AskAsync(async () =>
    {
        await _redis.SetAsync(name, value, s_keep, cancellationToken).ConfigureAwait(false);
        return true;
    });

    private static async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            // The message names the endpoint and never the password.
            throw new RegistryException(
                RegistryFailure.Unreachable, $"ask redis for step records: {e.Message.Split('\n')[0]}", e);
        }
    }
}

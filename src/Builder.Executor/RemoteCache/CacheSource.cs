// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.RemoteCache;

/// <summary>
/// A cache that records are read from. Whoever gives a record has also told the layer fetcher where the record's layer
/// can be had.
/// </summary>
internal abstract class CacheSource
{
    /// <summary>The record of a name, or null.</summary>
    public abstract Task<byte[]?> FindAsync(string name, CancellationToken cancellationToken);

    /// <summary>The content of a cache mount by the name of its directory, or null.</summary>
    public abstract Task<CachedMount?> FindMountAsync(string name, CancellationToken cancellationToken);

    /// <summary>Where the blobs are.</summary>
    public abstract CacheStorage Storage { get; }
}

/// <summary>Records that were read at once, before the build.</summary>
internal sealed class LoadedCacheSource : CacheSource
{
    private readonly CacheDocument _document;

    public LoadedCacheSource(CacheDocument document, CacheStorage storage)
    {
        _document = document;
        Storage = storage;
    }

    /// <inheritdoc/>
    public override CacheStorage Storage { get; }

    /// <inheritdoc/>
    public override Task<byte[]?> FindAsync(string name, CancellationToken cancellationToken) =>
        Task.FromResult(_document.Records.GetValueOrDefault(name));

    /// <inheritdoc/>
    public override Task<CachedMount?> FindMountAsync(string name, CancellationToken cancellationToken) =>
        Task.FromResult(_document.Mounts.FirstOrDefault(mount => mount.Name == name));
}

// SPDX-License-Identifier: Apache-2.0

using Microsoft.Extensions.Caching.Distributed;

namespace Builder.Cli.Building;

/// <summary>A step cache that knows nothing and keeps nothing: every step runs, and no later build sees its result.</summary>
internal sealed class ForgetfulCache : IDistributedCache
{
    /// <inheritdoc/>
    public byte[]? Get(string key) => null;

    /// <inheritdoc/>
    public Task<byte[]?> GetAsync(string key, CancellationToken token = default) => Task.FromResult<byte[]?>(null);

    /// <inheritdoc/>
    public void Set(string key, byte[] value, DistributedCacheEntryOptions options)
    {
    }

    /// <inheritdoc/>
    public Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default) =>
        Task.CompletedTask;

    /// <inheritdoc/>
    public void Refresh(string key)
    {
    }

    /// <inheritdoc/>
    public Task RefreshAsync(string key, CancellationToken token = default) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Remove(string key)
    {
    }

    /// <inheritdoc/>
    public Task RemoveAsync(string key, CancellationToken token = default) => Task.CompletedTask;
}

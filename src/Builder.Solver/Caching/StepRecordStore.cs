// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Ports;
using Microsoft.Extensions.Caching.Distributed;

namespace Builder.Solver.Caching;

/// <summary>The step records and remembered digests of a cache, and which of them may be relied on.</summary>
internal sealed class StepRecordStore
{
    private static readonly DistributedCacheEntryOptions s_keep = new();

    private readonly IDistributedCache _cache;
    private readonly IStepExecutor _executor;

    /// <summary>Creates the store over a cache.</summary>
    public StepRecordStore(IDistributedCache cache, IStepExecutor executor)
    {
        _cache = cache;
        _executor = executor;
    }

    /// <summary>The record of a key whose layer can be had, or null.</summary>
    public async Task<StepRecord?> FindAsync(Digest key, CancellationToken cancellationToken)
    {
        byte[]? bytes = await _cache.GetAsync(StepName(key), cancellationToken);
        StepRecord? record = bytes is null ? null : StepRecord.TryDecode(bytes, withInputs: false);
        return record?.Layer is { } layer && !_executor.HasLayer(layer) ? null : record;
    }

    /// <summary>Remembers a step; its layer is committed already.</summary>
    public Task SaveAsync(CacheKey key, StepRecord record, CancellationToken cancellationToken) =>
        _cache.SetAsync(StepName(key.Digest), (record with { Inputs = key.Describe() }).Encode(), s_keep, cancellationToken);

    /// <summary>A digest remembered under a question about something immutable, or null.</summary>
    public async Task<Digest?> FindDigestAsync(Digest question, CancellationToken cancellationToken)
    {
        byte[]? bytes = await _cache.GetAsync(DigestName(question), cancellationToken);
        return bytes is { Length: 32 } ? Digest.FromHash(bytes) : null;
    }

    /// <summary>Remembers a digest.</summary>
    public Task SaveDigestAsync(Digest question, Digest answer, CancellationToken cancellationToken) =>
        _cache.SetAsync(DigestName(question), Convert.FromHexString(answer.Hex), s_keep, cancellationToken);

    /// <summary>The name of a step's record in the cache.</summary>
    public static string StepName(Digest key) => StepRecord.KeyPrefix + key.Hex;

    private static string DigestName(Digest question) => $"digest-{question.Hex}";
}

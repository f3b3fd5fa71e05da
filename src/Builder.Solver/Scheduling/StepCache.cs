// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Ports;

namespace Builder.Solver.Scheduling;

/// <summary>
/// Makes every step's result once: from a record, from the same step elsewhere in this build, or by executing it.
/// </summary>
internal sealed class StepCache
{
    private readonly StepRecordStore _records;
    private readonly IStepLocks? _locks;
    private readonly Dictionary<Digest, Task<StepOutcome>> _steps = [];
    private readonly Lock _gate = new();

    /// <summary>Creates the cache of one build.</summary>
    public StepCache(StepRecordStore records, IStepLocks? locks)
    {
        _records = records;
        _locks = locks;
    }

    /// <summary>
    /// The outcome of the step of a key. <paramref name="make"/> is called when no record may be used and no other
    /// vertex of this build has the same key; what it makes is recorded.
    /// </summary>
    public async Task<StepOutcome> GetAsync(
        CacheKey key, bool useRecords, Func<Task<StepOutcome>> make, CancellationToken cancellationToken)
    {
        TaskCompletionSource<StepOutcome> mine = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<StepOutcome>? other;
        lock (_gate)
        {
            if (!_steps.TryGetValue(key.Digest, out other))
            {
                _steps.Add(key.Digest, mine.Task);
            }
        }

        if (other is not null)
        {
            return (await other) with { Cached = true };
        }

        try
        {
            StepOutcome outcome = await FindOrMakeAsync(key, useRecords, make, cancellationToken);
            mine.SetResult(outcome);
            return outcome;
        }
        catch (OperationCanceledException canceled)
        {
            mine.SetCanceled(canceled.CancellationToken);
            throw;
        }
        catch (Exception failure) when (Fail(mine, failure))
        {
            throw;
        }
    }

    private static bool Fail(TaskCompletionSource<StepOutcome> step, Exception failure)
    {
        step.SetException(failure);
        _ = step.Task.Exception;
        return false;
    }

    private async Task<StepOutcome> FindOrMakeAsync(
        CacheKey key, bool useRecords, Func<Task<StepOutcome>> make, CancellationToken cancellationToken)
    {
        if (useRecords && await _records.FindAsync(key.Digest, cancellationToken) is { } record)
        {
            return new StepOutcome(record, Cached: true);
        }

        if (!useRecords || _locks is null)
        {
            return await MakeAsync(key, make, cancellationToken);
        }

        // Another build may be making the same step: wait for it and look again. Its end, good or bad, frees the lock.
        using IDisposable step = await _locks.AcquireAsync(StepRecordStore.StepName(key.Digest), cancellationToken);
        return await _records.FindAsync(key.Digest, cancellationToken) is { } made
            ? new StepOutcome(made, Cached: true)
            : await MakeAsync(key, make, cancellationToken);
    }

    private async Task<StepOutcome> MakeAsync(
        CacheKey key, Func<Task<StepOutcome>> make, CancellationToken cancellationToken)
    {
        StepOutcome outcome = await make();
        await _records.SaveAsync(key, outcome.Record, cancellationToken);
        return outcome;
    }
}

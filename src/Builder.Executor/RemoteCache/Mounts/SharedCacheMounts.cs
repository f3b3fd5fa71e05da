// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Steps;
using Builder.Frontend;

namespace Builder.Executor.RemoteCache.Mounts;

/// <summary>
/// The contents of RUN --mount=type=cache that a build shares with caches (<c>mounts=true</c>): brought here when a step
/// really runs and finds its mount missing or empty, sent after the build. They are no part of any key. Thread-safe.
/// </summary>
public sealed class SharedCacheMounts
{
    private const int ExportAttempts = 3;
    private const int LockWaitSeconds = 10;

    private readonly Store _store;
    private readonly Action<string> _warn;
    private readonly ConcurrentDictionary<string, string> _used = new(StringComparer.Ordinal);
    private ImmutableArray<(CacheSpec Spec, CacheSource Source)> _sources = [];

    internal SharedCacheMounts(Store store, Action<string> warn)
    {
        _store = store;
        _warn = warn;
    }

    /// <summary>Says where contents can be had.</summary>
    internal void AddSource(CacheSpec spec, CacheSource source) => _sources = _sources.Add((spec, source));

    /// <summary>Notes that a step runs with a mount: its content may change.</summary>
    internal void Use(string id) => _used[CacheMounts.NameOf(id)] = id;

    /// <summary>
    /// Fills a new directory with the content that a cache has for an id; false when none has any, or when it failed, of
    /// which there is a warning: then the directory is empty again.
    /// </summary>
    /// <exception cref="BuildException">It failed, and the cache says <c>ignore-error=false</c>.</exception>
    internal async Task<bool> TryFillAsync(
        string id, string draft, OwnershipMode ownership, CancellationToken cancellationToken)
    {
        string name = CacheMounts.NameOf(id);
        foreach ((CacheSpec spec, CacheSource source) in _sources)
        {
            string subject = $"import cache mount \"{id}\" from {spec}";
            try
            {
                if (await source.FindMountAsync(name, cancellationToken).ConfigureAwait(false) is { } mount)
                {
                    await MountPacker.ReceiveAsync(
                        mount, source.Storage, draft, ownership, subject, cancellationToken).ConfigureAwait(false);
                    return true;
                }
            }
            catch (Exception e) when (e is BuildException or LinuxException && spec.IgnoresErrors)
            {
                _warn($"{subject}: {e.Message}");
                using FileDescriptor files = AtCalls.Open(CacheMounts.FilesOf(draft), OpenFlags.DirectoryPath);
                FileTreeRemover.RemoveContent(files.Value);
            }
        }

        return false;
    }

    /// <summary>
    /// Sends the contents of mounts to a cache: those that steps of this build used, and those that the cache does not
    /// have. What it has of others stays; what this build does not mention at all goes.
    /// </summary>
    /// <param name="spec">The cache, for messages.</param>
    /// <param name="storage">Its place.</param>
    /// <param name="before">Its document until now, or null.</param>
    /// <param name="ids">The ids that the build mentions.</param>
    /// <param name="cancellationToken">Cancels.</param>
    internal async Task<ImmutableArray<CachedMount>> ExportAsync(
        CacheSpec spec, CacheStorage storage, CacheDocument? before, IEnumerable<string> ids,
        CancellationToken cancellationToken)
    {
        ImmutableArray<CachedMount>.Builder mounts = ImmutableArray.CreateBuilder<CachedMount>();
        foreach (string id in ids.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            string subject = $"export cache mount \"{id}\" to {spec}";
            try
            {
                if (await ExportAsync(id, storage, before, subject, cancellationToken).ConfigureAwait(false) is { } mount)
                {
                    mounts.Add(mount);
                }
            }
            catch (Exception e) when (e is BuildException or LinuxException && spec.IgnoresErrors)
            {
                _warn($"{subject}: {e.Message}");
            }
        }

        return [.. mounts.OrderBy(mount => mount.Name, StringComparer.Ordinal)];
    }

    private async Task<CachedMount?> ExportAsync(
        string id, CacheStorage storage, CacheDocument? before, string subject, CancellationToken cancellationToken)
    {
        string name = CacheMounts.NameOf(id);
        (CachedMount Mount, MountIndex Index)? there = await FindAsync(
            before?.Mounts.FirstOrDefault(known => known.Name == name), storage, subject, cancellationToken)
            .ConfigureAwait(false);
        string directory = Path.Combine(_store.MountsPath, name);
        bool isHere = CacheMounts.HasFiles(directory);
        if (there is { } kept && !(isHere && _used.ContainsKey(name)))
        {
            return kept.Mount;
        }

        if (isHere)
        {
            return await SendAsync(directory, storage, there?.Index, subject, cancellationToken).ConfigureAwait(false);
        }

        return await CopyAsync(name, storage, subject, cancellationToken).ConfigureAwait(false);
    }

    // Locked and private users hold the lock while they run; shared ones change the files under our eyes, so try again.
    private async Task<CachedMount> SendAsync(
        string directory, CacheStorage storage, MountIndex? before, string subject, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(LockWaitSeconds));
        IDisposable held;
        try
        {
            held = await _store.Locks.AcquireAsync(CacheMounts.LockNameOf(Path.GetFileName(directory)), patience.Token)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ContentException(ContentFailure.InUse, $"{subject}: a step of another build uses it");
        }

        using (held)
        {
            for (int attempt = 1; ; attempt++)
            {
                try
                {
                    return await MountPacker.SendAsync(
                        directory, _store.Snapshots.Ownership, storage, before, cancellationToken).ConfigureAwait(false);
                }
                catch (Exception e) when (attempt < ExportAttempts
                    && e is LinuxException { Errno: Errno.ENOENT } or ContentException { Reason: ContentFailure.SizeMismatch })
                {
                    // It changed while it was read.
                }
            }
        }
    }

    /// <summary>A mount that no step here needed goes from the cache that has it to the other one.</summary>
    private async Task<CachedMount?> CopyAsync(
        string name, CacheStorage storage, string subject, CancellationToken cancellationToken)
    {
        foreach ((_, CacheSource source) in _sources)
        {
            (CachedMount Mount, MountIndex Index)? found = await FindAsync(
                await source.FindMountAsync(name, cancellationToken).ConfigureAwait(false), source.Storage, subject,
                cancellationToken).ConfigureAwait(false);
            if (found is { } there)
            {
                await Parallel.ForEachAsync(
                    there.Mount.Chunks.Append(there.Mount.Index),
                    new ParallelOptions { MaxDegreeOfParallelism = MountLimits.Parallelism, CancellationToken = cancellationToken },
                    async (blob, token) =>
                    {
                        byte[] content = await source.Storage.ReadBlobAsync(blob, token).ConfigureAwait(false);
                        await storage.SendBlobAsync(blob, content, token).ConfigureAwait(false);
                    }).ConfigureAwait(false);
                return there.Mount;
            }
        }

        return null;
    }

    private async Task<(CachedMount Mount, MountIndex Index)?> FindAsync(
        CachedMount? mount, CacheStorage storage, string subject, CancellationToken cancellationToken)
    {
        if (mount is null)
        {
            return null;
        }

        try
        {
            MountIndex index = await MountPacker.ReadIndexAsync(mount, storage, subject, cancellationToken)
                .ConfigureAwait(false);
            return (mount with { Chunks = [.. index.Chunks.Select(chunk => chunk.Blob).DistinctBy(blob => blob.Digest)] }, index);
        }
        catch (BuildException e)
        {
            _warn($"{subject}: what is there cannot be read and is replaced: {e.Message}");
            return null;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using System.Text;
using Builder.Executor.Interop;
using Builder.Frontend;
using Builder.Solver.Files;
using Microsoft.Extensions.Caching.Distributed;

namespace Builder.Executor.Content;

/// <summary>
/// The step cache that is always there: one small file a record, spread over 256 directories, replaced by one rename.
/// A record that is truncated or damaged is a miss. A look-up opens one file; that a record was used is noted in the
/// file's time, to within an hour, so that look-ups seldom write. Thread-safe.
/// </summary>
public sealed class CacheDirectory : IDistributedCache
{
    /// <summary>The longest record.</summary>
    public const int MaxRecordBytes = 16 * 1024 * 1024;

    private const int DirectoryMode = 0b111_000_000;
    private const int MaxFileBytes = MaxRecordBytes + (64 * 1024) + CacheRecordFile.HeaderBytes;

    private static readonly TimeSpan s_useResolution = TimeSpan.FromHours(1);

    private readonly Store _store;
    private readonly TimeProvider _time;

    /// <summary>The cache of a store.</summary>
    public CacheDirectory(Store store, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _time = time;
    }

    /// <inheritdoc/>
    public byte[]? Get(string key)
    {
        string path = PathOf(key);
        if (Read(path) is not ({ } record, var used) || record.Key != key)
        {
            return null;
        }

        DateTimeOffset now = _time.GetUtcNow();
        if (IsExpired(record, used, now))
        {
            return null;
        }

        if (now - used > s_useResolution)
        {
            Refresh(key);
        }

        return record.Value.ToArray();
    }

    /// <inheritdoc/>
    public Task<byte[]?> GetAsync(string key, CancellationToken token = default) => Task.FromResult(Get(key));

    /// <inheritdoc/>
    public void Set(string key, byte[] value, DistributedCacheEntryOptions options)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, MaxRecordBytes);
        DateTimeOffset? absolute = options.AbsoluteExpiration
            ?? (options.AbsoluteExpirationRelativeToNow is { } relative ? _time.GetUtcNow() + relative : null);
        var record = new CacheRecordFile
        {
            Key = key,
            Value = value,
            AbsoluteExpiration = absolute?.ToUnixTimeMilliseconds() ?? 0,
            SlidingExpiration = (long)(options.SlidingExpiration?.TotalMilliseconds ?? 0),
        };
        string path = PathOf(key);
        AtCalls.TryMakeDirectory(
            AtCalls.CurrentDirectory, PathEncoding.Encode(Path.GetDirectoryName(path)!), DirectoryMode);
        _store.Tmp.WriteAtomically(path, record.Encode(), durable: false);
    }

    /// <inheritdoc/>
    public Task SetAsync(
        string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        Set(key, value, options);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Refresh(string key)
    {
        string path = PathOf(key);
        if (File.Exists(path))
        {
            try
            {
                DateTimeOffset now = _time.GetUtcNow();
                AtCalls.SetModificationTime(
                    AtCalls.CurrentDirectory, PathEncoding.Encode(path), now.ToUnixTimeSeconds(), 0);
            }
            catch (BuildException)
            {
                // Removed since, or a store that is read-only.
            }
        }
    }

    /// <inheritdoc/>
    public Task RefreshAsync(string key, CancellationToken token = default)
    {
        Refresh(key);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Remove(string key) =>
        AtCalls.TryUnlink(AtCalls.CurrentDirectory, PathEncoding.Encode(PathOf(key)));

    /// <inheritdoc/>
    public Task RemoveAsync(string key, CancellationToken token = default)
    {
        Remove(key);
        return Task.CompletedTask;
    }

    /// <summary>The files of all records, whatever is in them; what vanishes meanwhile may or may not be among them.</summary>
    internal static IEnumerable<string> ListFiles(Store store) =>
        Directory.EnumerateDirectories(store.CachePath)
            .Where(directory => Path.GetFileName(directory) is { Length: 2 } name && name.All(char.IsAsciiHexDigitLower))
            .SelectMany(Directory.EnumerateFiles);

    /// <summary>Reads a record's file; null when it is not there or damaged.</summary>
    internal static (CacheRecordFile Record, DateTimeOffset Used)? Read(string path)
    {
        try
        {
            var found = new FileInfo(path);
            if (found is not { Exists: true, Length: <= MaxFileBytes })
            {
                return null;
            }

            DateTimeOffset used = found.LastWriteTimeUtc;
            return CacheRecordFile.TryDecode(File.ReadAllBytes(path), out CacheRecordFile? record) ? (record, used) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>True when a file stands where the record of its key must stand.</summary>
    internal static bool IsInPlace(string path, string key)
    {
        string name = NameOf(key);
        return Path.GetFileName(path) == name[2..] && Path.GetFileName(Path.GetDirectoryName(path)) == name[..2];
    }

    private static bool IsExpired(CacheRecordFile record, DateTimeOffset used, DateTimeOffset now)
    {
        long milliseconds = now.ToUnixTimeMilliseconds();
        return (record.AbsoluteExpiration != 0 && record.AbsoluteExpiration <= milliseconds)
            || (record.SlidingExpiration != 0 && used.ToUnixTimeMilliseconds() + record.SlidingExpiration <= milliseconds);
    }

    private static string NameOf(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    private string PathOf(string key)
    {
        string name = NameOf(key);
        return Path.Combine(_store.CachePath, name[..2], name[2..]);
    }
}

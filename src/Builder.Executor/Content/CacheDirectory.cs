// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Builder.Executor.Interop;
using Builder.Frontend;
using Builder.Solver.Files;
using Microsoft.Extensions.Caching.Distributed;

namespace Builder.Executor.Content;

/// <summary>
/// The step cache that is always there: one small file a record, spread over 256 directories, replaced by one rename.
/// A record that is truncated or damaged is a miss. A look-up opens one file. Thread-safe.
/// </summary>
public sealed class CacheDirectory : IDistributedCache
{
    /// <summary>The longest record.</summary>
    public const int MaxRecordBytes = 16 * 1024 * 1024;

    private const int DirectoryMode = 0b111_000_000;

    // magic 4, absolute expiration in Unix milliseconds 8 (0: never), sliding expiration in milliseconds 8 (0: none),
    // SHA-256 of key length, key and value 32.
    private const int HashOffset = 4 /* magic */ + 8 /* absolute */ + 8 /* sliding */;
    private const int HeaderBytes = HashOffset + 32 /* hash */;

    private readonly Store _store;
    private readonly TimeProvider _time;

    /// <summary>The cache of a store.</summary>
    public CacheDirectory(Store store, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _time = time;
    }

    private static ReadOnlySpan<byte> Magic => "BLC1"u8;

    /// <inheritdoc/>
    public byte[]? Get(string key)
    {
        string path = PathOf(key);
        byte[] file;
        try
        {
            if (new FileInfo(path) is not { Exists: true, Length: <= MaxRecordBytes + HeaderBytes })
            {
                return null;
            }

            file = File.ReadAllBytes(path);
        }
        catch (IOException)
        {
            return null;
        }

        return IsWhole(file, key) && !IsExpired(file, path) ? file[HeaderBytes..] : null;
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
        byte[] file = new byte[HeaderBytes + value.Length];
        Magic.CopyTo(file);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(4), absolute?.ToUnixTimeMilliseconds() ?? 0);
        BinaryPrimitives.WriteInt64LittleEndian(
            file.AsSpan(12), (long)(options.SlidingExpiration?.TotalMilliseconds ?? 0));
        value.CopyTo(file, HeaderBytes);
        Hash(key, file).CopyTo(file.AsSpan(HashOffset));

        string path = PathOf(key);
        AtCalls.TryMakeDirectory(
            AtCalls.CurrentDirectory, PathEncoding.Encode(Path.GetDirectoryName(path)!), DirectoryMode);
        _store.Tmp.WriteAtomically(path, file, durable: false);
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

    private static bool IsWhole(byte[] file, string key) =>
        file.Length >= HeaderBytes && file.AsSpan(0, Magic.Length).SequenceEqual(Magic)
        && file.AsSpan(HashOffset, 32).SequenceEqual(Hash(key, file));

    private static byte[] Hash(string key, byte[] file)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] name = Encoding.UTF8.GetBytes(key);
        hash.AppendData(BitConverter.GetBytes((long)name.Length));
        hash.AppendData(name);
        hash.AppendData(file, 0, HashOffset);
        hash.AppendData(file, HeaderBytes, file.Length - HeaderBytes);
        return hash.GetHashAndReset();
    }

    private bool IsExpired(byte[] file, string path)
    {
        long now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        long absolute = BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(4));
        long sliding = BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(12));
        if (absolute != 0 && absolute <= now)
        {
            return true;
        }

        return sliding != 0
            && new DateTimeOffset(File.GetLastWriteTimeUtc(path)).ToUnixTimeMilliseconds() + sliding <= now;
    }

    private string PathOf(string key)
    {
        string name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
        return Path.Combine(_store.CachePath, name[..2], name[2..]);
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;

namespace Builder.Executor.Images;

/// <summary>
/// Brings blobs from registries into the store. What has arrived of a blob stays in <c>partial/</c> when the process is
/// interrupted or killed, and the next one goes on from there. Several calls for one blob, also of several processes,
/// transfer it once. Thread-safe.
/// </summary>
internal sealed class BlobIntake
{
    /// <summary>Nobody will go on with a part that is older than this.</summary>
    private static readonly TimeSpan s_partialLife = TimeSpan.FromDays(1);

    private readonly Store _store;
    private readonly Action<TransferProgress>? _progress;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<Digest, Lazy<Task>> _running = new();
    private readonly Lazy<string> _directory;

    public BlobIntake(Store store, Action<TransferProgress>? progress, TimeProvider time)
    {
        _store = store;
        _progress = progress;
        _time = time;
        _directory = new Lazy<string>(PrepareDirectory);
    }

    /// <summary>Makes a blob be in the store.</summary>
    /// <exception cref="RegistryException">No place has it, or what they have is something else.</exception>
    public async Task FetchAsync(
        Descriptor blob, ImmutableArray<RegistryRepository> places, CancellationToken cancellationToken)
    {
        if (_store.Blobs.IsFile(blob.Digest))
        {
            return;
        }

        Lazy<Task> transfer = _running.GetOrAdd(
            blob.Digest, _ => new Lazy<Task>(() => TransferAsync(blob, places, cancellationToken)));
        try
        {
            await transfer.Value.ConfigureAwait(false);
        }
        finally
        {
            _running.TryRemove(KeyValuePair.Create(blob.Digest, transfer));
        }
    }

    private async Task TransferAsync(
        Descriptor blob, ImmutableArray<RegistryRepository> places, CancellationToken cancellationToken)
    {
        using IDisposable held = await _store.Locks.AcquireAsync($"blob {blob.Digest}", cancellationToken)
            .ConfigureAwait(false);
        if (_store.Blobs.IsFile(blob.Digest))
        {
            return;
        }

        string item = blob.Digest.ToString();
        string path = Path.Combine(_directory.Value, blob.Digest.Hex);
        FileStreamOptions options = new()
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
        };
        FileStream file = new(path, options);
        await using (file.ConfigureAwait(false))
        {
            await BlobDownload.RunAsync(
                places,
                blob.Digest,
                blob.Size,
                file,
                count => _progress?.Invoke(new TransferProgress(TransferAction.Download, item, count, blob.Size, false)),
                cancellationToken).ConfigureAwait(false);
        }

        _store.Blobs.Adopt(path, blob.Digest);
        _progress?.Invoke(new TransferProgress(TransferAction.Download, item, blob.Size, blob.Size, true));
    }

    private string PrepareDirectory()
    {
        string directory = Path.Combine(_store.Root, "partial");
        Directory.CreateDirectory(directory);
        DateTime oldest = (_time.GetUtcNow() - s_partialLife).UtcDateTime;
        foreach (string file in Directory.EnumerateFiles(directory))
        {
            if (File.GetLastWriteTimeUtc(file) < oldest)
            {
                File.Delete(file);
            }
        }

        return directory;
    }
}

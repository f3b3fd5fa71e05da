// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.RemoteCache.Mounts;
using Builder.Frontend.Instructions;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>
/// Directories of the store that outlive builds. An id is hashed and never used as a path, so that none leads anywhere
/// else (CVE-2024-9675). Locks are held by the process: they go when it is killed. Thread-safe.
/// </summary>
internal sealed class CacheMounts(Store store, OwnershipMode ownership, SharedCacheMounts? shared)
{
    /// <summary>Holds the id as the Dockerfile says it, for listings.</summary>
    internal const string IdFile = "id";

    private const int MaxPrivateCopies = 1000;
    private const int NewDirectoryMode = 0b111_000_000;

    /// <summary>The name of the directory of an id.</summary>
    public static string NameOf(string id) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(id)));

    /// <summary>The lock of a directory, held by those who want it for themselves.</summary>
    public static string LockNameOf(string name) => $"cache mount {name}";

    /// <summary>Where in a directory the files are.</summary>
    public static string FilesOf(string directory) => Path.Combine(directory, "fs");

    /// <summary>Where the owners are recorded that the disk cannot hold.</summary>
    public static string OwnersOf(string directory) => Path.Combine(directory, "owners");

    /// <summary>True when a directory is there and holds something.</summary>
    public static bool HasFiles(string directory)
    {
        using FileDescriptor? files = AtCalls.TryOpen(
            AtCalls.CurrentDirectory, PathEncoding.Encode(FilesOf(directory)), OpenFlags.DirectoryRead);
        return files is not null && DirectoryReader.Read(files.Value).Count > 0;
    }

    /// <summary>
    /// Finds or makes the directory of a cache and takes its lock as its sharing demands: "locked" waits for the other
    /// step, "private" takes another directory while one is in use. One that is missing or empty is filled with what
    /// another machine shared, if there is such.
    /// </summary>
    /// <param name="mount">The mount.</param>
    /// <param name="initial">What a new one starts with, or null.</param>
    /// <param name="cancellationToken">Ends waiting.</param>
    public async Task<CacheLease> AcquireAsync(
        CacheStepMount mount, IFileTree? initial, CancellationToken cancellationToken)
    {
        string name = NameOf(mount.Id);
        shared?.Use(mount.Id);
        IDisposable? held = mount.Sharing switch
        {
            CacheSharing.Locked => await store.Locks.AcquireAsync(LockNameOf(name), cancellationToken).ConfigureAwait(false),
            CacheSharing.Private => AcquirePrivate(mount.Id, ref name),
            _ => null,
        };
        try
        {
            string path = Path.Combine(store.MountsPath, name);
            await EnsureAsync(path, mount, initial, cancellationToken).ConfigureAwait(false);

            // When it was last used, for the collector.
            AtCalls.SetModificationTime(
                AtCalls.CurrentDirectory, PathEncoding.Encode(path), TimeProvider.System.GetUtcNow().ToUnixTimeSeconds(), 0);
            return new CacheLease(FilesOf(path), held);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    private IDisposable AcquirePrivate(string id, ref string name)
    {
        string first = name;
        for (int copy = 0; copy < MaxPrivateCopies; copy++)
        {
            name = copy == 0 ? first : string.Create(CultureInfo.InvariantCulture, $"{first}-{copy}");
            if (store.Locks.TryAcquire(LockNameOf(name)) is { } held)
            {
                return held;
            }
        }

        throw new StepMountException($"mount cache {id}: {MaxPrivateCopies} steps use it already");
    }

    private async Task EnsureAsync(
        string path, CacheStepMount mount, IFileTree? initial, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path) && (shared is null || HasFiles(path)))
        {
            return;
        }

        // Those who find it missing at the same time do not all fetch it.
        using IDisposable filling = await store.Locks
            .AcquireAsync($"fill {LockNameOf(Path.GetFileName(path))}", cancellationToken).ConfigureAwait(false);
        if (Directory.Exists(path) && (shared is null || HasFiles(path)))
        {
            return;
        }

        string draft = store.Tmp.CreateDirectory("cache-mount");
        File.WriteAllText(Path.Combine(draft, IdFile), mount.Id);
        AtCalls.MakeDirectory(AtCalls.CurrentDirectory, PathEncoding.Encode(FilesOf(draft)), NewDirectoryMode);
        bool isFilled = shared is not null
            && await shared.TryFillAsync(mount.Id, draft, ownership, cancellationToken).ConfigureAwait(false);
        if (!isFilled)
        {
            Initialize(draft, mount, initial);
        }

        Publish(draft, path, isFilled);
        FileTreeRemover.Remove(draft);
    }

    private void Initialize(string draft, CacheStepMount mount, IFileTree? initial)
    {
        byte[] files = PathEncoding.Encode(FilesOf(draft));
        var owners = new OwnerStore(ownership, OwnersOf(draft));
        if (initial is not null)
        {
            using FileDescriptor directory = AtCalls.Open(AtCalls.CurrentDirectory, files, OpenFlags.DirectoryPath);
            TreeCopy.Copy(initial, mount.InitialPath, directory.Value, owners);
        }

        owners.Apply(
            AtCalls.CurrentDirectory, files,
            new RecordedAttributes(FileKind.Directory, mount.Mode, mount.UserId, mount.GroupId));
    }

    // Made aside and renamed: whoever finds it finds it whole. Into an empty one that somebody may have mounted already the
    // entries move one by one, as if another step had just written them.
    private static void Publish(string draft, string path, bool isFilled)
    {
        if (AtCalls.RawRename(
            AtCalls.CurrentDirectory, PathEncoding.Encode(draft), AtCalls.CurrentDirectory, PathEncoding.Encode(path), 0))
        {
            return;
        }

        Errno errno = AtCalls.LastError();
        if (errno is not (Errno.ENOTEMPTY or Errno.EEXIST))
        {
            throw new LinuxException("rename", errno, path);
        }

        if (!isFilled)
        {
            return;
        }

        using FileDescriptor from = AtCalls.Open(FilesOf(draft), OpenFlags.DirectoryRead);
        using FileDescriptor to = AtCalls.Open(FilesOf(path), OpenFlags.DirectoryPath);
        foreach (DirectoryEntry entry in DirectoryReader.Read(from.Value).ToArray())
        {
            // What is there by now is newer.
            AtCalls.RawRename(from.Value, entry.Name, to.Value, entry.Name, Libc.RenameNoReplace);
        }

        if (File.Exists(OwnersOf(draft)))
        {
            File.AppendAllText(OwnersOf(path), File.ReadAllText(OwnersOf(draft)));
        }
    }
}

/// <summary>A cache directory in use.</summary>
/// <param name="Path">The directory.</param>
/// <param name="Held">Its lock, or null when it is shared.</param>
internal sealed record CacheLease(string Path, IDisposable? Held) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Held?.Dispose();
}

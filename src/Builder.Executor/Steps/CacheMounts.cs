// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Frontend.Instructions;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>
/// Directories of the store that outlive builds. An id is hashed and never used as a path, so that none leads anywhere
/// else (CVE-2024-9675). Locks are held by the process: they go when it is killed. Thread-safe.
/// </summary>
internal sealed class CacheMounts(Store store, OwnershipMode ownership)
{
    private const int MaxPrivateCopies = 1000;
    private const string Files = "fs";
    private const string Owners = "owners";

    /// <summary>Holds the id as the Dockerfile says it, for listings.</summary>
    internal const string IdFile = "id";

    /// <summary>
    /// Finds or makes the directory of a cache and takes its lock as its sharing demands: "locked" waits for the other
    /// step, "private" takes another directory while one is in use.
    /// </summary>
    /// <param name="mount">The mount.</param>
    /// <param name="initial">What a new one starts with, or null.</param>
    /// <param name="cancellationToken">Ends waiting.</param>
    public async Task<CacheLease> AcquireAsync(
        CacheStepMount mount, IFileTree? initial, CancellationToken cancellationToken)
    {
        string name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(mount.Id)));
        switch (mount.Sharing)
        {
            case CacheSharing.Locked:
                IDisposable held = await store.Locks.AcquireAsync(LockName(name), cancellationToken).ConfigureAwait(false);
                return Lease(name, mount, initial, held);
            case CacheSharing.Private:
                return AcquirePrivate(name, mount, initial);
            default:
                return Lease(name, mount, initial, held: null);
        }
    }

    private static string LockName(string name) => $"cache mount {name}";

    private CacheLease AcquirePrivate(string name, CacheStepMount mount, IFileTree? initial)
    {
        for (int copy = 0; copy < MaxPrivateCopies; copy++)
        {
            string candidate = copy == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}-{copy}");
            if (store.Locks.TryAcquire(LockName(candidate)) is { } held)
            {
                return Lease(candidate, mount, initial, held);
            }
        }

        throw new StepMountException($"mount cache {mount.Id}: {MaxPrivateCopies} steps use it already");
    }

    private CacheLease Lease(string name, CacheStepMount mount, IFileTree? initial, IDisposable? held)
    {
        try
        {
            string path = Path.Combine(store.MountsPath, name);
            if (!Directory.Exists(path))
            {
                Create(path, mount, initial);
            }

            // When it was last used, for the collector.
            AtCalls.SetModificationTime(
                AtCalls.CurrentDirectory, PathEncoding.Encode(path), TimeProvider.System.GetUtcNow().ToUnixTimeSeconds(), 0);
            return new CacheLease(Path.Combine(path, Files), held);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    // Made aside and renamed: whoever finds it finds it whole.
    private void Create(string path, CacheStepMount mount, IFileTree? initial)
    {
        string draft = store.Tmp.CreateDirectory("cache-mount");
        File.WriteAllText(Path.Combine(draft, IdFile), mount.Id);
        byte[] files = PathEncoding.Encode(Path.Combine(draft, Files));
        var owners = new OwnerStore(ownership, Path.Combine(draft, Owners));
        AtCalls.MakeDirectory(AtCalls.CurrentDirectory, files, 0b111_000_000);
        if (initial is not null)
        {
            using FileDescriptor directory = AtCalls.Open(
                AtCalls.CurrentDirectory, files, OpenFlags.DirectoryPath);
            TreeCopy.Copy(initial, mount.InitialPath, directory.Value, owners);
        }

        owners.Apply(
            AtCalls.CurrentDirectory, files,
            new RecordedAttributes(FileKind.Directory, mount.Mode, mount.UserId, mount.GroupId));
        if (!AtCalls.RawRename(
            AtCalls.CurrentDirectory, PathEncoding.Encode(draft), AtCalls.CurrentDirectory, PathEncoding.Encode(path), 0))
        {
            Errno errno = AtCalls.LastError();
            FileTreeRemover.Remove(draft);
            if (errno is not (Errno.ENOTEMPTY or Errno.EEXIST))
            {
                throw new LinuxException("rename", errno, path);
            }
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

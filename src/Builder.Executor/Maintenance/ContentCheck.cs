// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Executor.Oci;
using Builder.Executor.Snapshots;
using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Maintenance;

/// <summary>
/// Checks blobs against their digests and snapshots against their layers: a snapshot that was built here by making its
/// tar again, one that was unpacked from a blob by unpacking the blob again and comparing the trees.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="log">Where findings go.</param>
/// <param name="inUse">Snapshots that running containers stand on: they are not removed.</param>
internal sealed class ContentCheck(Store store, CheckLog log, IReadOnlySet<Digest> inUse)
{
    private const string Blobs = "blobs";
    private const string Snapshots = "snapshots";
    private const int CopyBytes = 256 * 1024;

    private readonly ConcurrentDictionary<Digest, bool> _damaged = new();

    /// <summary>Checks every blob.</summary>
    public void CheckBlobs(CancellationToken cancellationToken)
    {
        int count = 0;
        long bytes = 0;
        var options = new ParallelOptions { CancellationToken = cancellationToken };
        Parallel.ForEach(Directory.GetFiles(store.Blobs.FilesPath), options, path =>
        {
            if (!Digest.TryParse($"sha256:{Path.GetFileName(path)}", out Digest digest))
            {
                log.Add(Blobs, $"blobs/sha256/{Path.GetFileName(path)}", "it is no blob", "it is no part of the store", () => File.Delete(path));
                return;
            }

            try
            {
                using Stream? file = store.Blobs.IsFile(digest) ? store.Blobs.TryOpen(digest) : null;
                if (file is null)
                {
                    return; // Collected meanwhile.
                }

                (Digest found, long length) = Hash(file, cancellationToken);
                Interlocked.Increment(ref count);
                Interlocked.Add(ref bytes, length);
                if (found != digest)
                {
                    ReportBlob(digest, $"its content has the digest {found}");
                }
            }
            catch (LinuxException failure)
            {
                ReportBlob(digest, failure.Message);
            }
        });
        log.Finish(Blobs, count, bytes);
    }

    /// <summary>Checks every snapshot.</summary>
    public void CheckSnapshots(CancellationToken cancellationToken)
    {
        int count = 0;
        long bytes = 0;
        ImmutableDictionary<Digest, LayerStack> stacks = FindStacks();
        var options = new ParallelOptions { CancellationToken = cancellationToken };
        Parallel.ForEach(Directory.GetFileSystemEntries(Path.Combine(store.Root, Snapshots)), options, path =>
        {
            if (!Digest.TryParse($"sha256:{Path.GetFileName(path)}", out Digest name))
            {
                log.Add(Snapshots, $"snapshots/{Path.GetFileName(path)}", "it is no snapshot", "it is no part of the store",
                    () => store.Tmp.Discard(path));
                return;
            }

            long length = 0;
            string? cause;
            try
            {
                cause = FindDamage(name, stacks, out length, cancellationToken);
            }
            catch (Exception failure) when (failure is BuildException or IOException or UnauthorizedAccessException or InvalidDataException)
            {
                cause = failure.Message;
            }

            Interlocked.Increment(ref count);
            Interlocked.Add(ref bytes, length);
            if (cause is not null && Directory.Exists(path))
            {
                bool isInUse = inUse.Contains(name);
                log.Add(
                    Snapshots, name.ToString(), cause,
                    isInUse
                        ? "a running container stands on it: stop the container, then use --repair"
                        : "remove it by --repair: its blob is unpacked again, or the step that made it runs again",
                    isInUse ? null : () => store.Snapshots.Remove(name));
            }
        });
        log.Finish(Snapshots, count, bytes);
    }

    private static (Digest Digest, long Length) Hash(Stream stream, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[CopyBytes];
        long length = 0;
        int count;
        while ((count = stream.Read(buffer)) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, count);
            length += count;
        }

        return (Digest.FromHash(hash.GetHashAndReset()), length);
    }

    private void ReportBlob(Digest digest, string cause)
    {
        _damaged[digest] = true;
        log.Add(
            Blobs, digest.ToString(), cause, "remove it by --repair, then pull or build the images again that need it",
            () => store.Blobs.Remove(digest));
    }

    /// <summary>The stacks of all images by the chainIDs of their parts: what a snapshot of that name lies on.</summary>
    private ImmutableDictionary<Digest, LayerStack> FindStacks()
    {
        var stacks = ImmutableDictionary.CreateBuilder<Digest, LayerStack>();
        foreach (LayerStack whole in store.Images.List().Select(image => image.Config.RootFs))
        {
            for (int i = 1; i <= whole.Layers.Length; i++)
            {
                stacks[LayerStack.ComputeChainId(whole.Layers.AsSpan()[..i])] = new LayerStack(whole.Layers[..i]);
            }
        }

        return stacks.ToImmutable();
    }

    /// <summary>What is wrong with a snapshot, or null.</summary>
    private string? FindDamage(
        Digest name, ImmutableDictionary<Digest, LayerStack> stacks, out long length, CancellationToken cancellationToken)
    {
        length = 0;
        if (store.Snapshots.FindRecord(name) is not { } record)
        {
            return "its record is missing or damaged";
        }

        if (!Digest.TryParse(record.DiffId, out Digest diffId))
        {
            return $"its record says the diffID \"{record.DiffId}\"";
        }

        if (record.IsCanonical)
        {
            using Stream? tar = name == diffId ? store.Snapshots.TryOpenTar(new DiffId(name)) : null;
            if (tar is null)
            {
                return $"its record is that of layer {diffId}";
            }

            (_, length) = Hash(tar, cancellationToken);
            return null;
        }

        (Digest found, length) = store.Snapshots.DigestFiles(store.Snapshots.PathOf(name), cancellationToken);
        stacks.TryGetValue(name, out LayerStack? stack);
        Descriptor? blob = store.Layers.Find(new DiffId(diffId), verifiedOnly: true)
            .FirstOrDefault(form => store.Blobs.IsFile(form.Digest) && !_damaged.ContainsKey(form.Digest));
        if (blob is null || (name != diffId && stack is null))
        {
            return null; // Nothing to compare with; that it can be read was all there is to see.
        }

        try
        {
            Digest expected = UnpackAgain(blob, stack, cancellationToken);
            return found == expected ? null : $"its files are not those of its blob {blob.Digest}";
        }
        catch (LinuxException failure) when (failure.Errno is Errno.ENOSPC or Errno.EDQUOT)
        {
            return null; // No room to compare.
        }
    }

    private Digest UnpackAgain(Descriptor blob, LayerStack? stack, CancellationToken cancellationToken)
    {
        using LayerDraft draft = store.Snapshots.BeginLayer();
        using (Stream tar = LayerCompression.OpenRead(store.Blobs.Open(blob.Digest)))
        using (var target = new LayerDirectory(draft.FilesPath, draft.Owners))
        using (var applier = new LayerApplier(
            target, () => stack is { Layers.Length: > 1 } ? store.Snapshots.Open(new LayerStack(stack.Layers[..^1])) : null))
        {
            applier.Apply(tar, cancellationToken);
        }

        return store.Snapshots.DigestFiles(Path.GetDirectoryName(draft.FilesPath)!, cancellationToken).Digest;
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Content;

/// <summary>
/// Which snapshots may still be in the page cache only. Syncing each of thousands of small files would cost more than
/// making them, so a snapshot is marked before its rename, and one syncfs makes all of them durable before an image is
/// reported as done. After a crash of the machine (another boot id) marked snapshots are dropped: they may be torn.
/// A killed process needs none of this, the page cache survives it.
/// </summary>
internal sealed class PendingSnapshots
{
    private const int DirectoryMode = 0b111_000_000;
    private const int FileMode = 0b110_000_000;
    private const string CriticalSection = "pending";

    private readonly string _root;
    private readonly StoreLocks _locks;
    private readonly string _pending;
    private readonly string _current;

    internal PendingSnapshots(string root, StoreLocks locks)
    {
        _root = root;
        _locks = locks;
        _pending = Path.Combine(root, "pending");
        _current = Path.Combine(_pending, BootId());
    }

    /// <summary>Marks a snapshot that is about to be renamed into place.</summary>
    public void Mark(string name)
    {
        AtCalls.TryMakeDirectory(AtCalls.CurrentDirectory, PathEncoding.Encode(_current), DirectoryMode);
        AtCalls.Open(Path.Combine(_current, name), OpenFlags.WriteOnly | OpenFlags.Create, FileMode).Dispose();
    }

    /// <summary>Makes every marked snapshot durable, whoever made it.</summary>
    public void Flush()
    {
        if (!Directory.Exists(_current))
        {
            return;
        }

        // What is marked after this line waits for the next flush.
        string[] marks = Directory.GetFiles(_current);
        if (marks.Length == 0)
        {
            return;
        }

        using FileDescriptor root = AtCalls.Open(_root, OpenFlags.DirectoryRead);
        if (Libc.SyncFileSystem(root.Value) != 0)
        {
            throw AtCalls.Failure("sync", root.Value, []);
        }

        foreach (string mark in marks)
        {
            AtCalls.TryUnlink(AtCalls.CurrentDirectory, PathEncoding.Encode(mark));
        }
    }

    /// <summary>Drops snapshots that another boot left marked.</summary>
    public void DropUnsynced(TemporaryFiles tmp)
    {
        string[] others = [.. Directory.GetDirectories(_pending)
            .Where(path => !string.Equals(path, _current, StringComparison.Ordinal))];
        if (others.Length == 0)
        {
            return;
        }

        using IDisposable section = _locks.Acquire(CriticalSection);
        foreach (string other in others.Where(Directory.Exists))
        {
            foreach (string mark in Directory.GetFiles(other))
            {
                tmp.Discard(Path.Combine(_root, "snapshots", Path.GetFileName(mark)));
            }

            FileTreeRemover.Remove(other);
        }
    }

    private static string BootId()
    {
        const string Source = "/proc/sys/kernel/random/boot_id";
        return File.Exists(Source) ? File.ReadAllText(Source).Trim() : "unknown";
    }
}

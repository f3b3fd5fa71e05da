// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Frontend;
using Builder.Solver.Files;

namespace Builder.Executor.Content;

/// <summary>
/// This process' own directory under tmp/, made when it is first needed and held by a lock. Directories whose lock
/// nobody holds belong to processes that are gone and are removed then (invariant 2). Thread-safe.
/// </summary>
public sealed class TemporaryFiles : IDisposable
{
    private const int DirectoryMode = 0b111_000_000;
    private const int FileMode = 0b110_000_000;
    private const string LockName = "lock";
    private const string CriticalSection = "tmp";

    private readonly string _parent;
    private readonly StoreLocks _locks;
    private readonly Lazy<string> _directory;
    private FileDescriptor? _lock;
    private int _count;

    internal TemporaryFiles(string parent, StoreLocks locks)
    {
        _parent = parent;
        _locks = locks;
        _directory = new Lazy<string>(Create);
    }

    /// <summary>Makes a new empty directory (0700) and gives its absolute path.</summary>
    public string CreateDirectory(string purpose)
    {
        string path = NewPath(purpose);
        AtCalls.MakeDirectory(AtCalls.CurrentDirectory, PathEncoding.Encode(path), DirectoryMode);
        return path;
    }

    /// <summary>An absolute path for a new file or directory; nothing is made.</summary>
    public string NewPath(string purpose) => Path.Combine(
        _directory.Value,
        string.Create(CultureInfo.InvariantCulture, $"{purpose}-{Interlocked.Increment(ref _count)}"));

    /// <summary>Writes a file so that it is there whole or not at all.</summary>
    /// <param name="path">Where it shall be; replaced when it exists.</param>
    /// <param name="content">What it shall hold.</param>
    /// <param name="durable">It survives a loss of power from the return on.</param>
    internal void WriteAtomically(string path, ReadOnlySpan<byte> content, bool durable)
    {
        string temporary = NewPath("file");
        using (var stream = new DescriptorStream(
            AtCalls.Open(temporary, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, FileMode), true))
        {
            stream.Write(content);
            if (durable)
            {
                stream.Sync();
            }
        }

        Publish(temporary, path, durable);
    }

    /// <summary>
    /// Takes a file or tree out of the store by one rename and then removes it, as far as this process may; the rest is
    /// left to the next sweep. Nothing happens when it is not there.
    /// </summary>
    internal void Discard(string path)
    {
        string trash = NewPath("trash");
        if (AtCalls.RawRename(
            AtCalls.CurrentDirectory, PathEncoding.Encode(path),
            AtCalls.CurrentDirectory, PathEncoding.Encode(trash), 0))
        {
            TryRemove(trash);
        }
        else if (AtCalls.LastError() != Errno.ENOENT)
        {
            throw AtCalls.Failure("remove", AtCalls.CurrentDirectory, PathEncoding.Encode(path));
        }
    }

    /// <summary>Renames a finished file to its place.</summary>
    internal static void Publish(string temporary, string path, bool durable)
    {
        AtCalls.Rename(
            AtCalls.CurrentDirectory, PathEncoding.Encode(temporary), AtCalls.CurrentDirectory, PathEncoding.Encode(path));
        if (durable)
        {
            SyncDirectory(Path.GetDirectoryName(path)!);
        }
    }

    /// <summary>Makes the names in a directory durable.</summary>
    internal static void SyncDirectory(string path)
    {
        using FileDescriptor directory = AtCalls.Open(path, OpenFlags.DirectoryRead);
        if (Libc.Fsync(directory.Value) != 0)
        {
            throw AtCalls.Failure("sync", directory.Value, []);
        }
    }

    /// <summary>Removes the directory with all that is in it.</summary>
    public void Dispose()
    {
        if (_directory.IsValueCreated && _lock is not null)
        {
            TryRemove(_directory.Value);
            _lock.Dispose();
            _lock = null;
        }
    }

    private static void TryRemove(string path)
    {
        try
        {
            FileTreeRemover.Remove(path);
        }
        catch (BuildException)
        {
            // Somebody else's sub-ids, or a disk error: the next process tries again.
        }
    }

    private string Create()
    {
        // The section keeps a sweeper from seeing a directory of which the lock is not held yet.
        using IDisposable section = _locks.Acquire(CriticalSection);
        string directory = Path.Combine(
            _parent, string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{Guid.NewGuid():N}"));
        AtCalls.MakeDirectory(AtCalls.CurrentDirectory, PathEncoding.Encode(directory), DirectoryMode);
        _lock = AtCalls.Open(Path.Combine(directory, LockName), OpenFlags.ReadWrite | OpenFlags.Create, FileMode);
        if (Libc.Flock(_lock.Value, Libc.LockExclusive | Libc.LockNonBlocking) != 0)
        {
            throw AtCalls.Failure("lock", _lock.Value, []);
        }

        Sweep(directory);
        return directory;
    }

    private void Sweep(string own)
    {
        var orphans = new List<string>();
        foreach (string other in Directory.EnumerateFileSystemEntries(_parent))
        {
            if (string.Equals(other, own, StringComparison.Ordinal) || IsHeld(other))
            {
                continue;
            }

            // Moved out of the way here, removed in the background: what is left when this process ends goes next time.
            string trash = Path.Combine(own, "orphan-" + Path.GetFileName(other));
            if (AtCalls.RawRename(
                AtCalls.CurrentDirectory, PathEncoding.Encode(other),
                AtCalls.CurrentDirectory, PathEncoding.Encode(trash), 0))
            {
                orphans.Add(trash);
            }
        }

        if (orphans.Count > 0)
        {
            _ = Task.Run(() => orphans.ForEach(TryRemove));
        }
    }

    private static bool IsHeld(string directory)
    {
        using FileDescriptor? file = AtCalls.TryOpen(
            AtCalls.CurrentDirectory, PathEncoding.Encode(Path.Combine(directory, LockName)), OpenFlags.ReadOnly);
        return file is not null && Libc.Flock(file.Value, Libc.LockShared | Libc.LockNonBlocking) != 0;
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using System.Text;
using Builder.Executor.Interop;
using Builder.Solver.Files;
using Builder.Solver.Ports;

namespace Builder.Executor.Content;

/// <summary>
/// Advisory locks between processes and between the tasks of one. They only keep work from being done twice: every
/// change of the store is right without them. A lock ends with its process, however that ends.
/// </summary>
public sealed class StoreLocks : IStepLocks
{
    private const int FileMode = 0b110_000_000;
    private const int FirstWaitMilliseconds = 2;
    private const int LongestWaitMilliseconds = 50;
    private const int NameDigits = 32;

    private readonly string _directory;

    internal StoreLocks(string directory)
    {
        _directory = directory;
    }

    /// <inheritdoc/>
    public async Task<IDisposable> AcquireAsync(string name, CancellationToken cancellationToken)
    {
        int wait = FirstWaitMilliseconds;
        while (true)
        {
            if (TryAcquire(name) is { } held)
            {
                return held;
            }

            await Task.Delay(wait, cancellationToken).ConfigureAwait(false);
            wait = Math.Min(wait * 2, LongestWaitMilliseconds);
        }
    }

    /// <summary>Waits for a lock without giving up; for short critical sections.</summary>
    public IDisposable Acquire(string name) => Take(name, Libc.LockExclusive)!;

    /// <summary>Takes a lock, or null when somebody has it.</summary>
    public IDisposable? TryAcquire(string name) => Take(name, Libc.LockExclusive | Libc.LockNonBlocking);

    /// <summary>Removes the files of locks that killed processes left; whoever holds one keeps it.</summary>
    internal void RemoveLeftOver()
    {
        foreach (string path in Directory.GetFiles(_directory).Where(path => Path.GetFileName(path).Length == NameDigits))
        {
            TakeFile(PathEncoding.Encode(path), Libc.LockExclusive | Libc.LockNonBlocking)?.Dispose();
        }
    }

    private Held? Take(string name, int operation) => TakeFile(
        PathEncoding.Encode(Path.Combine(
            _directory, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..NameDigits])),
        operation);

    private static Held? TakeFile(byte[] path, int operation)
    {
        while (true)
        {
            FileDescriptor descriptor = AtCalls.Open(
                AtCalls.CurrentDirectory, path, OpenFlags.ReadWrite | OpenFlags.Create, FileMode);
            int result;
            do
            {
                result = Libc.Flock(descriptor.Value, operation);
            }
            while (result != 0 && AtCalls.LastError() == Errno.EINTR);

            if (result != 0)
            {
                Errno errno = AtCalls.LastError();
                descriptor.Dispose();
                return errno == Errno.EAGAIN
                    ? null
                    : throw new LinuxException("flock", errno, PathEncoding.Decode(path));
            }

            // The former holder removes the file before it lets go: what was locked must still be what the name means.
            if (AtCalls.TryStat(AtCalls.CurrentDirectory, path, out FileStatus named)
                && named.Inode == AtCalls.Stat(descriptor.Value, []).Inode)
            {
                return new Held(path, descriptor);
            }

            descriptor.Dispose();
        }
    }

    private sealed class Held(byte[] path, FileDescriptor descriptor) : IDisposable
    {
        private FileDescriptor? _descriptor = descriptor;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _descriptor, null) is { } held)
            {
                AtCalls.TryUnlink(AtCalls.CurrentDirectory, path);
                held.Dispose();
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Content;

/// <summary>
/// Keeps the garbage collector away while something new is on its way: users share a lock, the collector needs it alone.
/// Containers that merely run need no lock, their records say what they need. Thread-safe.
/// </summary>
internal sealed class StoreUsage : IDisposable
{
    private const int FileMode = 0b110_000_000;

    private readonly string _path;
    private readonly Lock _lock = new();
    private FileDescriptor? _file;
    private int _users;

    internal StoreUsage(string path)
    {
        _path = path;
    }

    /// <summary>Begins a use; waits while a collection goes on.</summary>
    public IDisposable Begin()
    {
        lock (_lock)
        {
            if (_users++ == 0)
            {
                Flock(Libc.LockShared);
            }
        }

        return new Use(this);
    }

    /// <summary>The whole store for this process alone, or null when another process uses it, or this one does.</summary>
    public IDisposable? TryBeginAlone()
    {
        lock (_lock)
        {
            if (_users > 0 || !Flock(Libc.LockExclusive | Libc.LockNonBlocking))
            {
                return null;
            }

            _users++;
            return new Use(this);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private bool Flock(int operation)
    {
        _file ??= AtCalls.Open(_path, OpenFlags.ReadWrite | OpenFlags.Create, FileMode);
        while (Libc.Flock(_file.Value, operation) != 0)
        {
            switch (AtCalls.LastError())
            {
                case Errno.EINTR:
                    continue;
                case Errno.EAGAIN:
                    return false;
                default:
                    throw AtCalls.Failure("lock", _file.Value, []);
            }
        }

        return true;
    }

    private void End()
    {
        lock (_lock)
        {
            if (--_users == 0)
            {
                Flock(Libc.LockUnlock);
            }
        }
    }

    private sealed class Use(StoreUsage usage) : IDisposable
    {
        private StoreUsage? _usage = usage;

        public void Dispose() => Interlocked.Exchange(ref _usage, null)?.End();
    }
}

// SPDX-License-Identifier: Apache-2.0

using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Steps;

/// <summary>What the pieces of one large file share: the open source and target, and how much is still to come.</summary>
internal sealed class LargeFileCopy : IDisposable
{
    private readonly Lock _lock = new();
    private long _remaining;
    private ContentReader? _source;
    private bool _isAbandoned;

    /// <summary>Creates the state for a file of a length.</summary>
    public LargeFileCopy(long size)
    {
        _remaining = size;
    }

    /// <summary>The target, once it was opened.</summary>
    public SafeFileHandle? Target { get; private set; }

    /// <summary>True when the target shares the source's blocks, so that nothing need be written.</summary>
    public bool IsCloned { get; private set; }

    /// <summary>Opens source and target with the first piece; every piece gets the source.</summary>
    public ContentReader Open(Func<(ContentReader Source, SafeFileHandle? Target, bool IsCloned)> open)
    {
        lock (_lock)
        {
            if (_isAbandoned)
            {
                throw new OperationCanceledException();
            }

            if (_source is null)
            {
                (_source, Target, IsCloned) = open();
            }

            return _source;
        }
    }

    /// <summary>Says that a piece is on disk; true for the last one.</summary>
    public bool Finish(int length) => Interlocked.Add(ref _remaining, -length) == 0;

    /// <summary>Lets everybody fail who waits for a piece that will not come.</summary>
    public void Abandon()
    {
        lock (_lock)
        {
            _isAbandoned = true;
            _source?.Abandon();
        }
    }

    /// <summary>Closes source and target; after the last piece, or when the work was given up.</summary>
    public void Dispose()
    {
        _source?.Dispose();
        Target?.Dispose();
    }
}

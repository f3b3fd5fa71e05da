// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>A stretch of the content of a planned file; a file of no bytes has one of length 0.</summary>
/// <param name="Entry">Index of the plan's entry.</param>
/// <param name="Offset">Where it begins in the file.</param>
/// <param name="Length">How long it is.</param>
/// <param name="Batch">Index of the batch that it is in.</param>
/// <param name="BufferOffset">Where it lies in the batch's buffer.</param>
/// <param name="File">What the pieces of one large file share; null for a file of one piece.</param>
internal readonly record struct CopyPiece(
    int Entry, long Offset, int Length, int Batch, int BufferOffset, LargeFileCopy? File);

/// <summary>
/// The files of a plan cut into batches of about a megabyte, handed out in order, finished in any order, taken in order.
/// Only so many are between handed out and taken.
/// </summary>
internal sealed class CopyBatches : IDisposable
{
    /// <summary>As much content as one batch holds.</summary>
    public const int BatchBytes = 1024 * 1024;

    private const int MaxFilesInBatch = 128;
    private const int MaxInFlight = 8;

    private readonly (int First, int Count)[] _batches;
    private readonly byte[]?[] _buffers;
    private readonly bool[] _done;
    private readonly Lock _handingOut = new();
    private readonly SemaphoreSlim _window = new(MaxInFlight);
    private readonly object _finished = new();
    private int _next;
    private Exception? _failure;

    /// <summary>Cuts a plan.</summary>
    public CopyBatches(LayerPlan plan)
    {
        var pieces = ImmutableArray.CreateBuilder<CopyPiece>(plan.Entries.Length);
        var batches = new List<(int First, int Count)>();
        int first = 0;
        int bytes = 0;
        for (int i = 0; i < plan.Entries.Length; i++)
        {
            LayerPlanEntry entry = plan.Entries[i];
            if (entry.HardLinkTo is not null || entry.Node.Kind == FileKind.Directory)
            {
                continue;
            }

            long size = entry.Node.Kind == FileKind.Regular ? entry.Node.Size : 0;
            LargeFileCopy? file = size > BatchBytes ? new LargeFileCopy(size) : null;
            long offset = 0;
            do
            {
                int length = (int)Math.Min(size - offset, BatchBytes);
                if (pieces.Count > first && (bytes + length > BatchBytes || pieces.Count - first == MaxFilesInBatch))
                {
                    batches.Add((first, pieces.Count - first));
                    first = pieces.Count;
                    bytes = 0;
                }

                pieces.Add(new CopyPiece(i, offset, length, batches.Count, bytes, file));
                offset += length;
                bytes += length;
            }
            while (offset < size);
        }

        if (pieces.Count > first)
        {
            batches.Add((first, pieces.Count - first));
        }

        Pieces = pieces.DrainToImmutable();
        _batches = [.. batches];
        _buffers = new byte[]?[_batches.Length];
        _done = new bool[_batches.Length];
    }

    /// <summary>All pieces in the order of the plan.</summary>
    public ImmutableArray<CopyPiece> Pieces { get; }

    /// <summary>How many batches there are.</summary>
    public int Count => _batches.Length;

    /// <summary>Gives the next batch to a worker; false when there are no more or the work was given up.</summary>
    public bool TryTake(out int batch, out ReadOnlyMemory<CopyPiece> pieces, out byte[] buffer)
    {
        batch = -1;
        pieces = default;
        buffer = [];
        _window.Wait();
        lock (_handingOut)
        {
            if (_next == _batches.Length || Volatile.Read(ref _failure) is not null)
            {
                _window.Release();
                return false;
            }

            batch = _next++;
        }

        (int first, int count) = _batches[batch];
        CopyPiece last = Pieces[first + count - 1];
        pieces = Pieces.AsMemory().Slice(first, count);
        buffer = ArrayPool<byte>.Shared.Rent(Math.Max(1, last.BufferOffset + last.Length));
        _buffers[batch] = buffer;
        return true;
    }

    /// <summary>Says that a batch's content is in its buffer and on disk.</summary>
    public void Complete(int batch)
    {
        lock (_finished)
        {
            _done[batch] = true;
            Monitor.PulseAll(_finished);
        }
    }

    /// <summary>Says that a batch failed; nothing more is handed out.</summary>
    public void Fail(Exception failure)
    {
        lock (_finished)
        {
            _failure ??= failure;
            Monitor.PulseAll(_finished);
        }

        foreach (CopyPiece piece in Pieces)
        {
            piece.File?.Abandon();
        }

        // whoever waits for room must see it
        _window.Release();
    }

    /// <summary>Waits for a piece's content, in order.</summary>
    public ReadOnlyMemory<byte> Await(int piece, CancellationToken cancellationToken)
    {
        CopyPiece wanted = Pieces[piece];
        lock (_finished)
        {
            while (!_done[wanted.Batch])
            {
                if (_failure is not null)
                {
                    ExceptionDispatchInfo.Throw(_failure);
                }

                cancellationToken.ThrowIfCancellationRequested();
                Monitor.Wait(_finished, millisecondsTimeout: 1000);
            }
        }

        return _buffers[wanted.Batch].AsMemory(wanted.BufferOffset, wanted.Length);
    }

    /// <summary>Says that a piece's content is not needed any more.</summary>
    public void Release(int piece)
    {
        int batch = Pieces[piece].Batch;
        if (piece + 1 == Pieces.Length || Pieces[piece + 1].Batch != batch)
        {
            ArrayPool<byte>.Shared.Return(_buffers[batch]!);
            _buffers[batch] = null;
            _window.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (CopyPiece piece in Pieces)
        {
            piece.File?.Dispose();
        }

        _window.Dispose();
    }
}

// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Steps;

/// <summary>The threads that copy batches. Disposing waits for them.</summary>
internal sealed class CopyWorkers : IDisposable
{
    private readonly CopyBatches _batches;
    private readonly PlannedFileWriter _writer;
    private readonly Thread[] _threads;

    /// <summary>Starts the workers.</summary>
    public CopyWorkers(CopyBatches batches, PlannedFileWriter writer, int count)
    {
        _batches = batches;
        _writer = writer;
        _threads = new Thread[count];
        for (int i = 0; i < count; i++)
        {
            _threads[i] = new Thread(Run) { IsBackground = true, Name = "copy" };
            _threads[i].Start();
        }
    }

    /// <summary>Lets the workers end after the batch that they are at.</summary>
    public void Cancel() => _batches.Fail(new OperationCanceledException());

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    private void Run()
    {
        try
        {
            while (_batches.TryTake(out int batch, out ReadOnlyMemory<CopyPiece> pieces, out byte[] buffer))
            {
                foreach (CopyPiece piece in pieces.Span)
                {
                    _writer.Copy(piece, buffer.AsSpan(piece.BufferOffset, piece.Length));
                }

                _batches.Complete(batch);
            }
        }
#pragma warning disable CA1031 // carried to the thread that waits for the batch, which throws it again
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _batches.Fail(failure);
        }
    }
}

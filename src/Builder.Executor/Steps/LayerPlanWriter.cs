// SPDX-License-Identifier: Apache-2.0

using System.Runtime.ExceptionServices;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>
/// Writes a planned layer into a draft and hashes its canonical tar on the way: every byte is read once. Files are read
/// and written by a few workers in batches, while this thread puts the batches in order into the tar; memory is bounded
/// by the number of batches in flight. Files that an earlier layer has exactly alike become hard links to it.
/// </summary>
internal sealed class LayerPlanWriter
{
    private const int MaxWorkers = 4;
    private const int PrivateDirectoryMode = 0b111_000_000;

    private readonly LayerPlan _plan;
    private readonly OwnerStore _owners;
    private readonly FileDescriptor _root;
    private readonly LayerSharing? _sharing;

    private LayerPlanWriter(LayerPlan plan, OwnerStore owners, FileDescriptor root, LayerSharing? sharing)
    {
        _plan = plan;
        _owners = owners;
        _root = root;
        _sharing = sharing;
    }

    /// <summary>Writes the plan's files below a directory, their tar to a stream.</summary>
    /// <param name="plan">The layer; its directories are not in <paramref name="directory"/> yet.</param>
    /// <param name="directory">Where the files go: a draft's directory.</param>
    /// <param name="owners">Sets owners and modes there.</param>
    /// <param name="tar">Takes the canonical tar.</param>
    /// <param name="sharing">Finds files that an earlier layer has; or null.</param>
    /// <param name="cancellationToken">Cancels between batches.</param>
    /// <returns>The sum of the lengths of the regular files.</returns>
    public static long Write(
        LayerPlan plan,
        string directory,
        OwnerStore owners,
        Stream tar,
        LayerSharing? sharing,
        CancellationToken cancellationToken)
    {
        using FileDescriptor root = AtCalls.Open(directory, OpenFlags.Path | OpenFlags.Directory);
        return new LayerPlanWriter(plan, owners, root, sharing).Write(tar, cancellationToken);
    }

    private long Write(Stream tar, CancellationToken cancellationToken)
    {
        MakeDirectories();
        using var batches = new CopyBatches(_plan);
        using var workers = new CopyWorkers(
            batches, new PlannedFileWriter(_plan, _owners, _root.Value, _sharing), WorkerCount(batches.Count));
        long size = 0;
        try
        {
            size = WriteTar(tar, batches, cancellationToken);
        }
        catch (Exception exception)
        {
            workers.Cancel();
            ExceptionDispatchInfo.Throw(exception);
        }

        FinishDirectories();
        return size;
    }

    private static int WorkerCount(int batches) =>
        Math.Min(batches, Math.Clamp(Environment.ProcessorCount, 1, MaxWorkers));

    private long WriteTar(Stream tar, CopyBatches batches, CancellationToken cancellationToken)
    {
        var writer = new LayerTarWriter(tar);
        long size = 0;
        int piece = 0;
        for (int i = 0; i < _plan.Entries.Length; i++)
        {
            LayerPlanEntry entry = _plan.Entries[i];
            writer.WriteEntry(LayerEntry.From(entry.Path, entry.Node, entry.HardLinkTo));
            if (entry.HardLinkTo is { } target)
            {
                AtCalls.Link(_root.Value, PathEncoding.Encode(target), _root.Value, PathEncoding.Encode(entry.Path));
            }

            for (; piece < batches.Pieces.Length && batches.Pieces[piece].Entry == i; piece++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ReadOnlyMemory<byte> content = batches.Await(piece, cancellationToken);
                if (!content.IsEmpty)
                {
                    writer.WriteContent(content.Span);
                    size += content.Length;
                }

                batches.Release(piece);
            }
        }

        writer.Finish();
        return size;
    }

    /// <summary>Makes every directory, for us alone until all is in it.</summary>
    private void MakeDirectories()
    {
        foreach (LayerPlanEntry entry in _plan.Entries)
        {
            if (entry.Node.Kind == FileKind.Directory)
            {
                AtCalls.MakeDirectory(_root.Value, PathEncoding.Encode(entry.Path), PrivateDirectoryMode);
            }
        }
    }

    private void FinishDirectories()
    {
        for (int i = _plan.Entries.Length - 1; i >= 0; i--)
        {
            LayerPlanEntry entry = _plan.Entries[i];
            if (entry.Node.Kind == FileKind.Directory)
            {
                PlannedFileWriter.Finish(_owners, _root.Value, PathEncoding.Encode(entry.Path), entry.Node);
            }
        }
    }
}

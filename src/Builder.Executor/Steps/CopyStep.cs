// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using System.Text;
using Builder.Executor.Context;
using Builder.Executor.Layers;
using Builder.Executor.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Ports;

namespace Builder.Executor.Steps;

/// <summary>
/// COPY, ADD and WORKDIR: writes the planned layer straight into a snapshot. The layer that the same place of the same
/// context gave last time is remembered, and what did not change since is shared with it. Thread-safe.
/// </summary>
internal sealed class CopyStep
{
    /// <summary>Below this number of files, looking for an earlier layer costs more than it saves.</summary>
    private const int MinSharedFiles = 64;

    private readonly SnapshotStore _snapshots;
    private readonly string _records;

    /// <summary>Creates the step; <paramref name="cachePath"/> is the store's cache directory.</summary>
    public CopyStep(SnapshotStore snapshots, string cachePath)
    {
        _snapshots = snapshots;
        _records = Path.Combine(cachePath, "copies");
    }

    /// <summary>Makes the layer; it is committed on return. No layer when the plan has no entries.</summary>
    /// <param name="plan">The layer.</param>
    /// <param name="parent">What it will lie on; its snapshots need not be there.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<LayerResult> RunAsync(LayerPlan plan, LayerStack parent, CancellationToken cancellationToken)
    {
        if (plan.Entries.IsEmpty)
        {
            return new LayerResult(null, 0);
        }

        string? place = PlaceOf(plan);
        using LayerSharing? sharing = place is null
            ? null
            : new LayerSharing(plan, await FindEarlierAsync(plan, place, cancellationToken));
        using LayerDraft draft = _snapshots.BeginLayer(OpenParent(parent));
        using var digester = new LayerDigester();
        long size = LayerPlanWriter.Write(plan, draft.FilesPath, draft.Owners, digester, sharing, cancellationToken);
        long tarBytes = digester.Length;
        DiffId layer = digester.Finish();
        draft.Commit(new LayerDigest(layer, new LayerSize(tarBytes, size)));
        if (sharing is not null)
        {
            CopiedFiles.Save(RecordOf(layer), sharing.Keys);
            Remember(place!, layer);
        }

        return new LayerResult(layer, size);
    }

    /// <summary>A name for "this directory of the image, from that context"; null when nothing can be shared.</summary>
    private static string? PlaceOf(LayerPlan plan)
    {
        var first = default(LayerPlanEntry);
        int files = 0;
        foreach (LayerPlanEntry entry in plan.Entries)
        {
            if (entry.Content is TreeContent { Tree: LocalContext })
            {
                first ??= entry;
                files++;
            }
        }

        if (files < MinSharedFiles || first?.Content is not TreeContent { Tree: LocalContext context })
        {
            return null;
        }

        string text = $"{context.Location}\n{TreePath.Directory(first.Path)}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    private MergedTree? OpenParent(LayerStack parent)
    {
        for (int i = 0; i < parent.Layers.Length; i++)
        {
            if (_snapshots.FindDirectory(parent, i) is null)
            {
                return null;
            }
        }

        return parent.IsEmpty ? null : _snapshots.Open(parent);
    }

    private async Task<EarlierLayer?> FindEarlierAsync(LayerPlan plan, string place, CancellationToken cancellationToken)
    {
        DiffId? layer = plan.Similar ?? Recall(place);
        if (layer is not { } known || !_snapshots.HasSnapshot(known))
        {
            return null;
        }

        CopiedFiles files = CopiedFiles.Load(RecordOf(known));
        if (files.IsEmpty)
        {
            return null;
        }

        IReadOnlyList<string> directories = await _snapshots.EnsureAsync(new LayerStack([known]), null, cancellationToken);
        return new EarlierLayer(Path.Combine(directories[0], SnapshotStore.FilesDirectory), files);
    }

    private DiffId? Recall(string place)
    {
        try
        {
            return Digest.TryParse(File.ReadAllText(Path.Combine(_records, place)), out Digest digest) ? new DiffId(digest) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private void Remember(string place, DiffId layer)
    {
        string path = Path.Combine(_records, place);
        string temporary = $"{path}.{Environment.ProcessId}.{Environment.CurrentManagedThreadId}";
        try
        {
            File.WriteAllText(temporary, layer.ToString());
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // the next build writes its files instead of linking them
        }
    }

    private string RecordOf(DiffId layer) => Path.Combine(_records, layer.Value.Hex);
}

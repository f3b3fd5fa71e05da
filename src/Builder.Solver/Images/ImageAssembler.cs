// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Solver.Graph;
using Builder.Solver.Lowering;
using Builder.Solver.Scheduling;

namespace Builder.Solver.Images;

/// <summary>Completes the config of a solved stage: file system, history, times.</summary>
internal static class ImageAssembler
{
    private const string Comment = "buildkit.dockerfile.v0";

    /// <summary>
    /// Makes the config. Times are those of the steps when they were executed, or <paramref name="epoch"/>: a rebuild
    /// from the cache gives the same image, bit for bit.
    /// </summary>
    public static ImageConfig Assemble(
        LoweredStage stage,
        LayerStack fileSystem,
        IReadOnlyDictionary<Vertex, VertexResult> results,
        long? epoch)
    {
        ImmutableArray<HistoryEntry> inherited = stage.Config.Current.History;
        DateTimeOffset? fixedTime = epoch is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;
        var added = new List<HistoryEntry>(stage.History.Count);
        foreach (HistoryDraft draft in stage.History)
        {
            VertexResult? result = draft.Vertex is null ? null : results[draft.Vertex];
            added.Add(new HistoryEntry
            {
                CreatedBy = draft.CreatedBy,
                Comment = Comment,
                EmptyLayer = result?.Record.Layer is null,
                Created = fixedTime ?? (result?.Record.Layer is null ? null : result.Record.Created),
            });
        }

        FillTimes(added, inherited);
        ImmutableArray<HistoryEntry> history = inherited.AddRange(added);
        return stage.Config.Current with
        {
            RootFs = fileSystem,
            History = history,
            Created = fixedTime ?? history.Select(entry => entry.Created).LastOrDefault(time => time is not null),
        };
    }

    /// <summary>
    /// Entries without a layer take the time of the layer before them, the first ones that of the first new layer, and
    /// when no layer is new that of the base.
    /// </summary>
    private static void FillTimes(List<HistoryEntry> added, ImmutableArray<HistoryEntry> inherited)
    {
        DateTimeOffset? time = added.Select(entry => entry.Created).FirstOrDefault(created => created is not null)
            ?? inherited.Select(entry => entry.Created).LastOrDefault(created => created is not null);
        for (int i = 0; i < added.Count; i++)
        {
            time = added[i].Created ?? time;
            added[i] = added[i] with { Created = time };
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Copying;
using Builder.Solver.Graph;
using Builder.Solver.Images;
using Microsoft.Extensions.Caching.Distributed;

namespace Builder.Solver.Explaining;

/// <summary>
/// Takes note of the steps of one platform's build. Nothing is read or written unless a step missed: a cached build
/// leaves the trace of the build that made its layers.
/// </summary>
internal sealed class TraceRecorder
{
    private static readonly DistributedCacheEntryOptions s_keep = new();

    private readonly IDistributedCache _cache;
    private readonly string _name;
    private readonly string? _sharedName;
    private readonly Lock _gate = new();
    private readonly Dictionary<Vertex, (CacheKey Key, bool Cached)> _steps = [];
    private Task<BuildTrace?>? _previous;

    /// <summary>Creates a recorder for a project and a platform.</summary>
    /// <param name="cache">Where traces are.</param>
    /// <param name="project">What names the project on this machine.</param>
    /// <param name="platform">The platform.</param>
    /// <param name="isShared">
    /// The cache goes to other machines: there, and on a new disk, the trace is found by the platform alone.
    /// </param>
    public TraceRecorder(IDistributedCache cache, string project, Platform platform, bool isShared)
    {
        _cache = cache;
        _name = TraceNames.ForProject(project, platform);
        _sharedName = isShared ? TraceNames.ForOthers(platform) : null;
    }

    /// <summary>Notes how a step ended.</summary>
    public void Add(Vertex vertex, CacheKey key, bool cached)
    {
        lock (_gate)
        {
            _steps[vertex] = (key, cached);
        }
    }

    /// <summary>The key that a step had in the build before, or null.</summary>
    public async Task<Digest?> FindPreviousKeyAsync(VertexOrigin origin, CancellationToken cancellationToken)
    {
        BuildTrace? previous = await PreviousAsync(cancellationToken);
        return previous is not null && FindCounterpart(previous, origin) is { } key ? Digest.FromHex(key) : null;
    }

    /// <summary>Keeps the files behind a digest, so that a later miss can name those that changed.</summary>
    public Task SaveFilesAsync(Digest digest, CopySelection selection, CancellationToken cancellationToken) =>
        FileManifest.Of(selection) is { } manifest
            ? _cache.SetAsync(TraceNames.ForFiles(digest), manifest.Encode(), s_keep, cancellationToken)
            : Task.CompletedTask;

    /// <summary>
    /// The trace of what was noted, in the order of the graph; it is kept when a step missed. <paramref name="rootFs"/>
    /// is null when the build failed.
    /// </summary>
    public async Task<BuildTrace> FinishAsync(
        BuildGraph graph, LayerStack? rootFs, CancellationToken cancellationToken)
    {
        ImmutableArray<StepTrace>.Builder steps = ImmutableArray.CreateBuilder<StepTrace>(graph.Vertices.Length);
        bool missed = false;
        foreach (Vertex vertex in graph.Vertices)
        {
            if (_steps.TryGetValue(vertex, out (CacheKey Key, bool Cached) step))
            {
                missed |= !step.Cached;
                steps.Add(Describe(vertex.Origin, step.Key, step.Cached));
            }
        }

        var trace = new BuildTrace(steps.ToImmutable());
        if (!missed)
        {
            if (_sharedName is not null)
            {
                // Reading is using: it goes along to the next cache.
                await _cache.GetAsync(_sharedName, cancellationToken);
            }

            return trace;
        }

        for (int i = 0; i < steps.Count; i++)
        {
            if (steps[i].Fate == StepFate.Missed)
            {
                Digest? previous = await FindPreviousKeyAsync(OriginOf(graph, steps[i]), cancellationToken);
                steps[i] = steps[i] with { PreviousKey = previous?.Hex };
            }
        }

        trace = new BuildTrace(steps.ToImmutable());
        if (rootFs is not null)
        {
            await _cache.SetAsync(TraceNames.ForImage(rootFs), Encode(trace), s_keep, cancellationToken);
        }

        BuildTrace merged = Merge(await PreviousAsync(cancellationToken), trace, isComplete: rootFs is not null);
        await _cache.SetAsync(_name, Encode(merged), s_keep, cancellationToken);
        if (_sharedName is not null)
        {
            await _cache.SetAsync(_sharedName, Encode(merged), s_keep, cancellationToken);
        }

        return trace;
    }

    private static byte[] Encode(BuildTrace trace) =>
        JsonSerializer.SerializeToUtf8Bytes(trace, TraceJson.Default.BuildTrace);

    private static VertexOrigin OriginOf(BuildGraph graph, StepTrace step) =>
        graph.Vertices.First(vertex => vertex.Origin.Name == step.Name).Origin;

    private static StepTrace Describe(VertexOrigin origin, CacheKey key, bool cached) => new()
    {
        Name = origin.Name,
        Text = origin.Text,
        Stage = origin.Stage,
        Position = origin.Position,
        Line = origin.Span.Start.Line,
        Key = key.Digest.Hex,
        Fate = cached ? StepFate.Cached : origin.NoCache ? StepFate.Forced : StepFate.Missed,
    };

    /// <summary>
    /// Stages that this build did not need keep what an earlier one said of them, and so do steps that a failed one did not
    /// reach: the next build has something to compare with.
    /// </summary>
    private static BuildTrace Merge(BuildTrace? previous, BuildTrace trace, bool isComplete)
    {
        IEnumerable<StepTrace> kept = (previous?.Steps ?? []).Where(old => !trace.Steps.Any(step =>
            step.Stage == old.Stage && (isComplete || step.Position == old.Position)));
        return new BuildTrace(
            [.. kept.Concat(trace.Steps).GroupBy(step => step.Stage).SelectMany(stage => stage.OrderBy(step => step.Position))]);
    }

    /// <summary>
    /// The same step of an earlier build: the same text in the same stage, the nearest of several; else what stood at
    /// its place, if that was the same instruction.
    /// </summary>
    private static string? FindCounterpart(BuildTrace previous, VertexOrigin origin)
    {
        StepTrace[] stage = [.. previous.Steps.Where(step => step.Stage == origin.Stage)];
        StepTrace? found = stage.Where(step => step.Text == origin.Text)
            .MinBy(step => Math.Abs(step.Position - origin.Position));
        string keyword = KeywordOf(origin.Text);
        found ??= stage.FirstOrDefault(step => step.Position == origin.Position && KeywordOf(step.Text) == keyword);
        return found?.Key;
    }

    private static string KeywordOf(string text) => text.Split(' ', 2)[0];

    private Task<BuildTrace?> PreviousAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return _previous ??= ReadAsync(cancellationToken);
        }
    }

    private async Task<BuildTrace?> ReadAsync(CancellationToken cancellationToken) =>
        TraceNames.Decode(await _cache.GetAsync(_name, cancellationToken))
        ?? (_sharedName is null ? null : TraceNames.Decode(await _cache.GetAsync(_sharedName, cancellationToken)));
}

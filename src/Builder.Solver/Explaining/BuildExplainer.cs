// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Images;
using Microsoft.Extensions.Caching.Distributed;

namespace Builder.Solver.Explaining;

/// <summary>Answers why steps ran, from what builds left in the step cache. Reads only.</summary>
public sealed class BuildExplainer
{
    private readonly IDistributedCache _cache;

    /// <summary>Creates an explainer over the cache that builds use.</summary>
    public BuildExplainer(IDistributedCache cache)
    {
        _cache = cache;
    }

    /// <summary>The trace of the build that made a file system first, or null when no build of this cache did.</summary>
    public Task<BuildTrace?> FindImageAsync(LayerStack rootFs, CancellationToken cancellationToken) =>
        ReadAsync(TraceNames.ForImage(rootFs), cancellationToken);

    /// <summary>
    /// The trace of the last build of a project (<see cref="BuildRequest.Project"/>) in which a step ran, or null.
    /// </summary>
    public Task<BuildTrace?> FindProjectAsync(string project, Platform platform, CancellationToken cancellationToken) =>
        ReadAsync(TraceNames.ForProject(project, platform), cancellationToken);

    /// <summary>What the key of a step was made of; empty when its record is gone.</summary>
    public async Task<ImmutableArray<KeyInput>> InputsAsync(StepTrace step, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(step);
        return await FindInputsAsync(step.Key, cancellationToken) ?? [];
    }

    /// <summary>Explains one step of a trace.</summary>
    public async Task<MissExplanation> ExplainAsync(StepTrace step, CancellationToken cancellationToken)
    {
        if (step.Fate != StepFate.Missed)
        {
            return new MissExplanation(
                step, step.Fate == StepFate.Cached ? MissReason.Cached : MissReason.Forced, []);
        }

        if (step.PreviousKey == step.Key)
        {
            return new MissExplanation(step, MissReason.ResultGone, []);
        }

        ImmutableArray<KeyInput>? after = await FindInputsAsync(step.Key, cancellationToken);
        ImmutableArray<KeyInput>? before = step.PreviousKey is null
            ? null
            : await FindInputsAsync(step.PreviousKey, cancellationToken);
        return after is null || before is null
            ? new MissExplanation(step, MissReason.New, [])
            : new MissExplanation(
                step,
                MissReason.InputsChanged,
                await CompareAsync(before.Value, after.Value, cancellationToken));
    }

    private static Dictionary<string, string> Number(ImmutableArray<KeyInput> inputs)
    {
        // Fields of one name (arguments, paths) are told apart by their number.
        var numbered = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (KeyInput input in inputs)
        {
            string name = input.Name;
            for (int i = 2; !numbered.TryAdd(name, input.Value); i++)
            {
                name = FormattableString.Invariant($"{input.Name} {i}");
            }
        }

        return numbered;
    }

    private async Task<ImmutableArray<InputDifference>> CompareAsync(
        ImmutableArray<KeyInput> before, ImmutableArray<KeyInput> after, CancellationToken cancellationToken)
    {
        Dictionary<string, string> old = Number(before);
        Dictionary<string, string> now = Number(after);
        ImmutableArray<InputDifference>.Builder differences = ImmutableArray.CreateBuilder<InputDifference>();
        foreach (string name in now.Keys.Union(old.Keys))
        {
            string? was = old.GetValueOrDefault(name);
            string? isNow = now.GetValueOrDefault(name);
            if (was == isNow)
            {
                continue;
            }

            if (name == StepKeys.Source && was is not null && isNow is not null)
            {
                differences.AddRange(await CompareFilesAsync(was, isNow, cancellationToken));
            }
            else
            {
                differences.Add(new InputDifference(name, was, isNow));
            }
        }

        return differences.ToImmutable();
    }

    private async Task<IEnumerable<InputDifference>> CompareFilesAsync(
        string before, string after, CancellationToken cancellationToken)
    {
        FileManifest? old = await FindManifestAsync(before, cancellationToken);
        FileManifest? now = await FindManifestAsync(after, cancellationToken);
        return old is null || now is null
            ? [new InputDifference(StepKeys.Source, before, after)]
            : now.CompareWith(old);
    }

    private async Task<FileManifest?> FindManifestAsync(string digest, CancellationToken cancellationToken)
    {
        if (!Digest.TryParse(digest, out Digest parsed))
        {
            return null;
        }

        byte[]? bytes = await _cache.GetAsync(TraceNames.ForFiles(parsed), cancellationToken);
        return bytes is null ? null : FileManifest.TryDecode(bytes);
    }

    private async Task<ImmutableArray<KeyInput>?> FindInputsAsync(string key, CancellationToken cancellationToken)
    {
        byte[]? bytes = await _cache.GetAsync(StepRecordStore.StepName(Digest.FromHex(key)), cancellationToken);
        return bytes is null ? null : StepRecord.TryDecode(bytes, withInputs: true)?.Inputs;
    }

    private async Task<BuildTrace?> ReadAsync(string name, CancellationToken cancellationToken) =>
        TraceNames.Decode(await _cache.GetAsync(name, cancellationToken));
}

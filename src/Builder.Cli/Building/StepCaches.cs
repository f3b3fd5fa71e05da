// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.RemoteCache;
using Builder.Executor.RemoteCache.Mounts;
using Builder.Solver;
using Microsoft.Extensions.Caching.Distributed;

namespace Builder.Cli.Building;

/// <summary>The step cache of one build: the store's own, and what <c>--cache-from</c> and <c>--cache-to</c> name.</summary>
internal sealed class StepCaches : IDisposable
{
    private readonly SharedStepCache? _shared;
    private readonly ImmutableArray<CacheSpec> _targets;

    private StepCaches(IDistributedCache cache, ImmutableArray<CacheSpec> targets)
    {
        Cache = cache;
        _shared = cache as SharedStepCache;
        _targets = targets;
    }

    /// <summary>What the solver reads and writes.</summary>
    public IDistributedCache Cache { get; }

    /// <summary>Other machines take part.</summary>
    public bool IsShared => _shared is not null;

    /// <summary>The contents of cache mounts that are shared; null when no cache says mounts=true.</summary>
    public SharedCacheMounts? Mounts { get; private init; }

    /// <summary>Opens the caches and reads the records of the sources.</summary>
    public static async Task<StepCaches> OpenAsync(
        Composition composition, string[]? from, string[]? to, CancellationToken cancellationToken)
    {
        CacheDirectory local = new(composition.Store, composition.Time);
        ImmutableArray<CacheSpec> sources = [.. (from ?? []).Select(text => CacheSpec.Parse(text, isExport: false))];
        ImmutableArray<CacheSpec> targets = [.. (to ?? []).Select(text => CacheSpec.Parse(text, isExport: true))];
        if (sources.IsEmpty && targets.IsEmpty)
        {
            return new StepCaches(local, []);
        }

        SharedStepCache shared = new(
            local,
            composition.Store,
            composition.Registries,
            composition.ImageSource,
            warning => composition.Cli.Error.WriteLine($"warning: {warning}"));
        await shared.ImportAsync(sources, cancellationToken);
        bool hasMounts = sources.Concat(targets).Any(spec => spec.HasMounts);
        return new StepCaches(shared, targets) { Mounts = hasMounts ? shared.Mounts : null };
    }

    /// <summary>How layers get to the targets while the build still runs.</summary>
    public IEnumerable<LayerCarrier> Carriers() => _shared?.Carriers(_targets) ?? [];

    /// <summary>Writes what the build used to every target.</summary>
    public Task ExportAsync(BuildResult result, CancellationToken cancellationToken) => _shared is null || _targets.IsEmpty
        ? Task.CompletedTask
        : _shared.ExportAsync(
            _targets,
            [.. result.Images.Select(image => image.Config)],
            [.. result.Images.SelectMany(image => image.CacheMounts).Distinct(StringComparer.Ordinal)],
            progress: null,
            cancellationToken);

    /// <summary>What the manifests of pushed images get for <c>--cache-to type=inline</c>.</summary>
    public ImmutableSortedDictionary<string, string> InlineAnnotations(BuildResult result) =>
        _shared is not null && _targets.Any(target => target.Kind == CacheKind.Inline)
            ? _shared.InlineAnnotations([.. result.Images.Select(image => image.Config)])
            : ImmutableSortedDictionary<string, string>.Empty;

    /// <inheritdoc/>
    public void Dispose() => _shared?.Dispose();
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Caching;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Ports;
using Builder.Solver.Progress;

namespace Builder.Solver.Scheduling;

/// <summary>What all vertices of a build share, whatever platform they are for.</summary>
internal sealed class BuildSession : IDisposable
{
    private readonly Dictionary<RemoteFile, Task<FetchedFile>> _fetched = [];
    private readonly Dictionary<string, Task<IFileTree>> _contexts = new(StringComparer.Ordinal);

    /// <summary>Begins a build.</summary>
    public BuildSession(BuildPorts ports, BuildRequest request, IBuildObserver observer)
    {
        Ports = ports;
        Request = request;
        Progress = new ProgressReporter(observer, ports.Time);
        Records = new StepRecordStore(ports.Cache, ports.Executor);
        Steps = new StepCache(Records, ports.Locks);
        Slots = new SemaphoreSlim(Math.Max(1, request.Jobs));
    }

    /// <summary>The outside.</summary>
    public BuildPorts Ports { get; }

    /// <summary>What is built.</summary>
    public BuildRequest Request { get; }

    /// <summary>Where events go.</summary>
    public ProgressReporter Progress { get; }

    /// <summary>Step records.</summary>
    public StepRecordStore Records { get; }

    /// <summary>The steps of this build by key.</summary>
    public StepCache Steps { get; }

    /// <summary>Held while a step is executed: as many as <c>--jobs</c> says.</summary>
    public SemaphoreSlim Slots { get; }

    /// <summary>Opens a context, each once; the main one when <paramref name="name"/> is null.</summary>
    public Task<IFileTree> OpenContextAsync(string? name, CancellationToken cancellationToken)
    {
        lock (_contexts)
        {
            if (!_contexts.TryGetValue(name ?? "", out Task<IFileTree>? task))
            {
                task = LoadContextAsync(name, cancellationToken);
                _contexts.Add(name ?? "", task);
            }

            return task;
        }
    }

    /// <summary>Fetches what ADD names, each once in a build.</summary>
    public Task<FetchedFile> FetchAsync(RemoteFile file, CancellationToken cancellationToken)
    {
        lock (_fetched)
        {
            if (!_fetched.TryGetValue(file, out Task<FetchedFile>? task))
            {
                task = Ports.Remotes.FetchAsync(file, cancellationToken);
                _fetched.Add(file, task);
            }

            return task;
        }
    }

    /// <summary>Writes a layer when a slot is free.</summary>
    public async Task<StepOutcome> WriteAsync(LayerPlan plan, LayerStack parent, CancellationToken cancellationToken)
    {
        await Slots.WaitAsync(cancellationToken);
        try
        {
            return Made(await Ports.Executor.WriteLayerAsync(plan, parent, cancellationToken));
        }
        finally
        {
            Slots.Release();
        }
    }

    /// <summary>The outcome of a step that was executed just now.</summary>
    public StepOutcome Made(LayerResult result) =>
        new(new StepRecord(result.Layer, result.SizeBytes, Ports.Time.GetUtcNow(), []), Cached: false);

    /// <inheritdoc/>
    public void Dispose() => Slots.Dispose();

    private async Task<IFileTree> LoadContextAsync(string? name, CancellationToken cancellationToken)
    {
        using ProgressStep step = Progress.Start(
            name is null ? "[internal] load build context" : $"[context {name}] load from client", null);
        try
        {
            IFileTree? tree = await Ports.Contexts.OpenAsync(name, cancellationToken);
            step.Complete(cached: false);
            return tree ?? throw new SolveException($"open build context{(name is null ? "" : $" \"{name}\"")}: there is none")
            {
                Hint = "pass a directory to bld build",
            };
        }
        catch (Exception failure) when (step.Note(failure))
        {
            throw;
        }
    }
}

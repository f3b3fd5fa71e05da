// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Ports;

namespace Builder.Solver.Tests.Building;

/// <summary>
/// Executes steps in memory. The commands of RUN, words of the last argument: <c>put PATH TEXT</c>, <c>copy FROM TO</c>
/// (mounts are seen), <c>env PATH</c>, <c>nothing</c>, <c>fail CODE</c>, <c>wait</c> (until the build is cancelled),
/// <c>meet N PATH</c> (until N steps are in the same place).
/// </summary>
internal sealed class MemoryExecutor : IStepExecutor
{
    private readonly ConcurrentDictionary<DiffId, MemoryLayer> _layers = [];
    private readonly TaskCompletionSource _met = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _meeting;
    private int _running;

    public ConcurrentQueue<RunOperation> Runs { get; } = [];

    public ConcurrentQueue<LayerPlan> Plans { get; } = [];

    public IEnumerable<string> Commands => Runs.Select(run => run.Arguments[^1]);

    public int TreesOpened { get; private set; }

    public int MostAtOnce { get; private set; }

    public void Forget()
    {
        Runs.Clear();
        Plans.Clear();
        TreesOpened = 0;
    }

    public DiffId Store(MemoryLayer layer)
    {
        DiffId id = layer.DiffId;
        _layers[id] = layer;
        return id;
    }

    public void Lose(DiffId layer) => _layers.TryRemove(layer, out _);

    public MemoryLayer Merge(LayerStack stack)
    {
        var tree = new MemoryLayer(stack.ChainId.ToString());
        foreach (DiffId layer in stack.Layers)
        {
            tree.Add(_layers[layer]);
        }

        return tree;
    }

    public Task<IFileTree> OpenTreeAsync(LayerStack stack, CancellationToken cancellationToken)
    {
        TreesOpened++;
        return Task.FromResult<IFileTree>(Merge(stack));
    }

    public bool HasLayer(DiffId layer) => _layers.ContainsKey(layer);

    public async Task<LayerResult> RunAsync(
        RunOperation operation, LayerStack parent, IStepOutput output, CancellationToken cancellationToken)
    {
        Runs.Enqueue(operation);
        int running = Interlocked.Increment(ref _running);
        MostAtOnce = Math.Max(MostAtOnce, running);
        try
        {
            await Task.Yield();
            return await ExecuteAsync(operation, Merge(parent), output, cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    public Task<LayerResult> WriteLayerAsync(LayerPlan plan, LayerStack parent, CancellationToken cancellationToken)
    {
        Plans.Enqueue(plan);
        var layer = new MemoryLayer();
        foreach (LayerPlanEntry entry in plan.Entries)
        {
            layer.Add(entry);
        }

        return Task.FromResult(new LayerResult(Store(layer), 0));
    }

    private async Task<LayerResult> ExecuteAsync(
        RunOperation operation, MemoryLayer root, IStepOutput output, CancellationToken cancellationToken)
    {
        string[] words = operation.Arguments[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var layer = new MemoryLayer();
        output.Write(false, "running\n"u8);
        switch (words.FirstOrDefault())
        {
            case "put":
                layer.Put(words[1], words[2]);
                break;
            case "copy":
                layer.Put(words[2], ReadMounted(operation, root, words[1]));
                break;
            case "env":
                layer.Put(words[1], string.Join('\n', operation.Environment.Concat(operation.UnkeyedEnvironment)));
                break;
            case "fail":
                throw new StepFailedException($"process \"{string.Join(' ', operation.Arguments)}\" did not complete "
                    + $"successfully: exit code: {words[1]}", int.Parse(words[1]));
            case "wait":
                await Task.Delay(Timeout.Infinite, cancellationToken);
                break;
            case "meet":
                if (Interlocked.Increment(ref _meeting) == int.Parse(words[1]))
                {
                    _met.SetResult();
                }

                await _met.Task.WaitAsync(TimeSpan.FromSeconds(20), cancellationToken);
                layer.Put(words[2], "met");
                break;
            default:
                return new LayerResult(null, 0);
        }

        return new LayerResult(Store(layer), 1);
    }

    private string ReadMounted(RunOperation operation, MemoryLayer root, string path)
    {
        foreach (BindStepMount bind in operation.Mounts.OfType<BindStepMount>())
        {
            if (("/" + path).StartsWith(bind.Target + "/", StringComparison.Ordinal))
            {
                string below = path[bind.Target.Length..];
                return Merge(bind.Source).Text(bind.Path.Length == 0 ? below : $"{bind.Path}/{below}");
            }
        }

        return root.Text(path);
    }
}

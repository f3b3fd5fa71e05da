// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using Builder.Executor.Content;
using Builder.Executor.Sandbox.Isolation;
using Builder.Executor.Snapshots;
using Builder.Executor.Steps;
using Builder.Executor.Tests.Sandbox;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Ports;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Steps;

/// <summary>A store with a base of the machine's static busybox, and RUN steps on it by any rung.</summary>
internal sealed class StepBench : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Dictionary<IsolationRung, StepExecutor> _executors = [];

    public StepBench()
    {
        Store = Store.Open(System.IO.Path.Join(_directory.Path, "store"));
        using var root = new TestRoot();
        Base = Push(LayerStack.Empty, files =>
        {
            Directory.Delete(files);
            Directory.Move(root.Lower, files);
        });
    }

    public Store Store { get; }

    public string Path => _directory.Path;

    public LayerStack Base { get; }

    public StepServices Services { get; set; } = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A layer of what a change leaves in a directory.</summary>
    public LayerStack Push(LayerStack parent, Action<string> change)
    {
        using LayerDraft draft = Store.Snapshots.BeginLayer();
        change(draft.FilesPath);
        LayerDigest digest = draft.Digest(null, null, Token) ?? throw new InvalidOperationException();
        draft.Commit(digest);
        return parent.Push(digest.DiffId);
    }

    /// <summary>Runs a shell script.</summary>
    public async Task<StepRun> RunAsync(
        IsolationRung rung, LayerStack parent, string script, Func<RunOperation, RunOperation>? change = null)
    {
        var operation = new RunOperation
        {
            Arguments = ["/bin/sh", "-c", script],
            Environment = ["PATH=/bin"],
            WorkingDirectory = "/",
            User = "",
        };
        var output = new CollectedOutput();
        LayerResult result = await ExecutorOf(rung).RunAsync(change?.Invoke(operation) ?? operation, parent, output, Token);
        return new StepRun(
            result.Layer, result.Layer is { } layer ? parent.Push(layer) : parent, output.Text.ToString(),
            output.Errors.ToString());
    }

    /// <summary>The paths that a layer holds, as its directory has them.</summary>
    public ImmutableArray<string> Paths(DiffId? layer)
    {
        if (layer is null)
        {
            return [];
        }

        string files = System.IO.Path.Join(Store.Root, "snapshots", layer.Value.Value.Hex, "fs");
        return [.. Directory.EnumerateFileSystemEntries(files, "*", SearchOption.AllDirectories)
            .Select(path => path[(files.Length + 1)..]).Order(StringComparer.Ordinal)];
    }

    public void Dispose()
    {
        foreach (StepExecutor executor in _executors.Values)
        {
            executor.Dispose();
        }

        Store.Dispose();
        _directory.Dispose();
    }

    private StepExecutor ExecutorOf(IsolationRung rung)
    {
        if (!_executors.TryGetValue(rung, out StepExecutor? executor))
        {
            executor = new StepExecutor(Store, null, Services with { Isolation = IsolationChoice.Of(rung) });
            _executors.Add(rung, executor);
        }

        return executor;
    }

    private sealed class CollectedOutput : IStepOutput
    {
        public StringBuilder Text { get; } = new();

        public StringBuilder Errors { get; } = new();

        public void Write(bool isStandardError, ReadOnlySpan<byte> bytes) =>
            (isStandardError ? Errors : Text).Append(Encoding.UTF8.GetString(bytes));
    }
}

/// <summary>What a step did.</summary>
internal sealed record StepRun(DiffId? Layer, LayerStack Stack, string Output, string Errors);

// SPDX-License-Identifier: Apache-2.0

using System.Runtime.ExceptionServices;
using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Explaining;
using Builder.Solver.Graph;
using Builder.Solver.Images;

namespace Builder.Solver.Scheduling;

/// <summary>
/// Solves the vertices of a graph, each as soon as what it needs is there. The first failure cancels the others and is
/// the one that is reported.
/// </summary>
internal sealed class GraphScheduler
{
    private readonly Dictionary<Vertex, Task<VertexResult>> _results = [];
    private readonly HashSet<Vertex> _imageVertices = [];
    private readonly BuildSession _session;
    private readonly RunSolver _runs;
    private readonly CopySolver _copies;
    private readonly WorkdirSolver _workdirs;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Creates a scheduler for one graph.</summary>
    public GraphScheduler(BuildSession session, TraceRecorder trace)
    {
        Trace = trace;
        _session = session;
        _runs = new RunSolver(session, this);
        _copies = new CopySolver(session, this);
        _workdirs = new WorkdirSolver(session, this);
    }

    /// <summary>Where solvers note how steps ended.</summary>
    public TraceRecorder Trace { get; }

    /// <summary>Solves a graph and gives the result of every vertex.</summary>
    public async Task<IReadOnlyDictionary<Vertex, VertexResult>> SolveAsync(
        BuildGraph graph, CancellationToken cancellationToken)
    {
        for (Vertex? vertex = graph.Output.Vertex; vertex is not null; vertex = vertex.Parent.Vertex)
        {
            _imageVertices.Add(vertex);
        }

        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        foreach (Vertex vertex in graph.Vertices)
        {
            // Vertices stand after those they need: whatever one waits for is in the table already.
            _results.Add(vertex, SolveVertexAsync(vertex, all));
        }

        Task everything = Task.WhenAll(_results.Values);
        try
        {
            await everything;
        }
        catch (Exception) when (_failure is not null)
        {
            _failure.Throw();
        }

        var results = new Dictionary<Vertex, VertexResult>(_results.Count);
        foreach ((Vertex vertex, Task<VertexResult> task) in _results)
        {
            results.Add(vertex, await task);
        }

        return results;
    }

    /// <summary>The file system of an input, once it is there.</summary>
    public async Task<(LayerStack Stack, Digest Content)> StackOfAsync(FileSystemInput input)
    {
        if (input.Stack is { } known)
        {
            return (known, known.ChainId);
        }

        VertexResult result = await _results[input.Vertex!];
        return (result.Stack, result.Content);
    }

    private async Task<VertexResult> SolveVertexAsync(Vertex vertex, CancellationTokenSource all)
    {
        // The table is filled before anything runs.
        await Task.Yield();
        try
        {
            VertexResult result = vertex switch
            {
                RunVertex run => await _runs.SolveAsync(run, all.Token),
                CopyVertex copy => await _copies.SolveAsync(copy, all.Token),
                WorkdirVertex workdir => await _workdirs.SolveAsync(workdir, all.Token),
                _ => throw new InvalidOperationException($"a vertex of the unknown kind {vertex.GetType().Name}"),
            };
            if (result.Record.Layer is { } layer)
            {
                _session.Ports.Layers?.Add(layer, _imageVertices.Contains(vertex));
            }

            return result;
        }
        catch (Exception failure) when (Note(failure, vertex, all))
        {
            throw;
        }
    }

    /// <summary>Remembers the first failure and stops the others, as an exception filter: always false.</summary>
    private bool Note(Exception failure, Vertex vertex, CancellationTokenSource all)
    {
        if (failure is OperationCanceledException)
        {
            return false;
        }

        if (failure is BuildException known)
        {
            known.Locate(vertex.Origin.Source, vertex.Origin.SpanOf(known.Subject));
        }

        Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(failure), null);
        all.Cancel();
        return false;
    }
}

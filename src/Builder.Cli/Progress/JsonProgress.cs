// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Builder.Frontend.Naming;
using Builder.Solver.Progress;

namespace Builder.Cli.Progress;

/// <summary>One SolveStatus object a line, as BuildKit's <c>--progress rawjson</c>. Source: client/graph.go there.</summary>
internal sealed class JsonProgress(TextWriter writer, TimeProvider time) : IProgressDisplay
{
    private readonly Dictionary<int, DateTimeOffset> _started = [];
    private readonly Lock _lock = new();

    /// <inheritdoc/>
    public void Observe(BuildEvent buildEvent)
    {
        lock (_lock)
        {
            SolveStatus status = Convert(buildEvent);
            writer.WriteLine(JsonSerializer.Serialize(status, ProgressJson.Default.SolveStatus));
            writer.Flush();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private SolveStatus Convert(BuildEvent buildEvent)
    {
        DateTimeOffset now = time.GetUtcNow();
        switch (buildEvent)
        {
            case StepStarted started:
                _started[started.Step.Id] = now;
                return new SolveStatus { Vertexes = [Vertex(started.Step, null, false, null)] };
            case StepPrinted printed:
                return new SolveStatus
                {
                    Logs =
                    [
                        new VertexLog(
                            DigestOf(printed.Step), printed.IsStandardError ? 2 : 1, [.. printed.Bytes], now),
                    ],
                };
            case StepProgressed progressed:
                return new SolveStatus
                {
                    Statuses =
                    [
                        new VertexStatus(
                            progressed.Item, DigestOf(progressed.Step), progressed.CurrentBytes, progressed.TotalBytes, now),
                    ],
                };
            case StepCompleted completed:
                return new SolveStatus { Vertexes = [Vertex(completed.Step, now, completed.Cached, null)] };
            case StepFailed failed:
                return new SolveStatus { Vertexes = [Vertex(failed.Step, now, false, failed.Message)] };
            case BuildWarned warned:
                string text = $"{warned.Diagnostic.Code}: {warned.Diagnostic.Message}";
                return new SolveStatus { Warnings = [new VertexWarning(Encoding.UTF8.GetBytes(text))] };
            default:
                return new SolveStatus();
        }
    }

    private StatusVertex Vertex(StepInfo step, DateTimeOffset? completed, bool cached, string? error) => new(
        DigestOf(step), step.Name, _started.GetValueOrDefault(step.Id, time.GetUtcNow()), completed, cached, error);

    private static string DigestOf(StepInfo step)
    {
        string identity = step.Id.ToString(CultureInfo.InvariantCulture) + " " + step.Name;
        return Digest.FromHash(SHA256.HashData(Encoding.UTF8.GetBytes(identity))).ToString();
    }
}

/// <summary>A change of a build's state.</summary>
internal sealed record SolveStatus
{
    /// <summary>Steps that began or ended.</summary>
    public StatusVertex[]? Vertexes { get; init; }

    /// <summary>Transfers that moved on.</summary>
    public VertexStatus[]? Statuses { get; init; }

    /// <summary>Output.</summary>
    public VertexLog[]? Logs { get; init; }

    /// <summary>Warnings.</summary>
    public VertexWarning[]? Warnings { get; init; }
}

/// <summary>A step.</summary>
internal sealed record StatusVertex(
    string Digest, string Name, DateTimeOffset? Started, DateTimeOffset? Completed, bool Cached, string? Error);

/// <summary>A transfer.</summary>
internal sealed record VertexStatus(string Id, string Vertex, long Current, long Total, DateTimeOffset Timestamp);

/// <summary>Output of a step; stream 1 is standard output, 2 standard error.</summary>
internal sealed record VertexLog(string Vertex, int Stream, byte[] Data, DateTimeOffset Timestamp);

/// <summary>A warning.</summary>
internal sealed record VertexWarning(byte[] Short);

/// <summary>The generated serializer of <see cref="SolveStatus"/>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(SolveStatus))]
internal sealed partial class ProgressJson : JsonSerializerContext
{
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Builder.Solver.Explaining;

/// <summary>What a build did, step by step: enough to explain later, from the step records, why each ran or did not.</summary>
/// <param name="Steps">The steps in the order of the stages.</param>
public sealed record BuildTrace(ImmutableArray<StepTrace> Steps)
{
    /// <summary>What the names of traces begin with in a cache.</summary>
    public const string KeyPrefix = "trace-";

    /// <summary>Reads a trace as it is recorded; null when it is none.</summary>
    public static BuildTrace? TryDecode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, TraceJson.Default.BuildTrace) is { Steps.IsDefault: false } trace
                ? trace
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>What became of a step.</summary>
public enum StepFate
{
    /// <summary>Its result was known.</summary>
    Cached,

    /// <summary>It was executed because no record had its key.</summary>
    Missed,

    /// <summary>It was executed because earlier results were not to be used (<c>--no-cache</c>).</summary>
    Forced,
}

/// <summary>One step of a build.</summary>
public sealed record StepTrace
{
    /// <summary>As progress shows it.</summary>
    public required string Name { get; init; }

    /// <summary>The instruction alone.</summary>
    public required string Text { get; init; }

    /// <summary>The stage, "" in a Dockerfile of one stage.</summary>
    public required string Stage { get; init; }

    /// <summary>Its place among the steps of the stage.</summary>
    public required int Position { get; init; }

    /// <summary>The line in the Dockerfile.</summary>
    public required int Line { get; init; }

    /// <summary>Its key: 64 hexadecimal digits.</summary>
    public required string Key { get; init; }

    /// <summary>What became of it.</summary>
    public required StepFate Fate { get; init; }

    /// <summary>The key of the same step in the build before, or null when that had none.</summary>
    public string? PreviousKey { get; init; }
}

/// <summary>The JSON form of traces.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(BuildTrace))]
internal sealed partial class TraceJson : JsonSerializerContext;

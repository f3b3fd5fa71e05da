// SPDX-License-Identifier: Apache-2.0

using System.Text.Json.Serialization;
using Builder.Solver.Images;

namespace Builder.Executor.Snapshots;

/// <summary>What is remembered of a snapshot, in a file beside its files.</summary>
internal sealed record SnapshotRecord
{
    /// <summary>The layer's diffID.</summary>
    [JsonPropertyName("diffId")]
    public required string DiffId { get; init; }

    /// <summary>Length of the layer's tar.</summary>
    [JsonPropertyName("tarBytes")]
    public required long TarBytes { get; init; }

    /// <summary>Sum of the lengths of its regular files.</summary>
    [JsonPropertyName("contentBytes")]
    public required long ContentBytes { get; init; }

    /// <summary>Its tar can be made again from the files, with the same bytes.</summary>
    [JsonPropertyName("canonical")]
    public required bool IsCanonical { get; init; }
}

/// <summary>Lengths of a layer.</summary>
/// <param name="TarBytes">Of the uncompressed tar.</param>
/// <param name="ContentBytes">Sum of the lengths of its regular files.</param>
internal readonly record struct LayerSize(long TarBytes, long ContentBytes);

/// <summary>What a finished layer is.</summary>
internal readonly record struct LayerDigest(DiffId DiffId, LayerSize Size);

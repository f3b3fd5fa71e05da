// SPDX-License-Identifier: Apache-2.0

using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Builder.Cli.Commands;

namespace Builder.Cli.Output;

/// <summary>What commands write as JSON; generated, so that nothing needs reflection.</summary>
[JsonSourceGenerationOptions(WriteIndented = false)]
[JsonSerializable(typeof(VersionRow))]
[JsonSerializable(typeof(ImageRow))]
[JsonSerializable(typeof(HistoryRow))]
[JsonSerializable(typeof(ContainerRow))]
[JsonSerializable(typeof(VolumeRow))]
[JsonSerializable(typeof(DiskUsageRow))]
[JsonSerializable(typeof(CheckRow))]
internal sealed partial class OutputJson : JsonSerializerContext
{
    /// <summary>A value as a tree that templates can walk.</summary>
    public static JsonNode ToNode<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToNode(value, type)!;
}

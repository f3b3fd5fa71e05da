// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Builder.Executor.Images;
using Builder.Executor.Snapshots;

namespace Builder.Executor.Content;

/// <summary>JSON of the store's own records.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ImmutableList<LayerForm>))]
[JsonSerializable(typeof(SnapshotRecord))]
[JsonSerializable(typeof(ImageRecord))]
internal sealed partial class StoreJson : JsonSerializerContext;

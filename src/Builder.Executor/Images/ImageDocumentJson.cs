// SPDX-License-Identifier: Apache-2.0

using System.Text.Json.Serialization;
using Builder.Executor.Oci;

namespace Builder.Executor.Images;

/// <summary>Reading and writing of manifests and indexes.</summary>
[JsonSerializable(typeof(Manifest))]
[JsonSerializable(typeof(ImageIndex))]
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class ImageDocumentJson : JsonSerializerContext;

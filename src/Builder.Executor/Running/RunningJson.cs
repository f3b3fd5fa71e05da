// SPDX-License-Identifier: Apache-2.0

using System.Text.Json.Serialization;

namespace Builder.Executor.Running;

/// <summary>The files of a container's directory.</summary>
[JsonSourceGenerationOptions(UseStringEnumConverter = true, WriteIndented = false)]
[JsonSerializable(typeof(ContainerRecord))]
[JsonSerializable(typeof(ContainerState))]
[JsonSerializable(typeof(VolumeRecord))]
[JsonSerializable(typeof(MonitorReport))]
internal sealed partial class RunningJson : JsonSerializerContext
{
}

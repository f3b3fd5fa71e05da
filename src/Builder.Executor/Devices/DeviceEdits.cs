// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Builder.Executor.Devices;

/// <summary>What a device changes in a container. Source: Container Device Interface, SPEC.md, "Container Edits".</summary>
internal sealed record DeviceEdits
{
    private static readonly string[] s_fields = ["env", "deviceNodes", "mounts", "additionalGids"];

    /// <summary>"NAME=VALUE".</summary>
    public ImmutableArray<string> Environment { get; private init; } = [];

    /// <summary>Device nodes.</summary>
    public ImmutableArray<DeviceNode> Nodes { get; private init; } = [];

    /// <summary>Files and directories of the machine.</summary>
    public ImmutableArray<DeviceMount> Mounts { get; private init; } = [];

    /// <summary>Further groups of the process.</summary>
    public ImmutableArray<uint> Groups { get; private init; } = [];

    /// <summary>Reads <c>containerEdits</c>.</summary>
    /// <exception cref="FormatException">Malformed, or something that bld does not do.</exception>
    public static DeviceEdits Read(JsonNode? node)
    {
        if (node is not JsonObject edits)
        {
            return node is null ? new DeviceEdits() : throw new FormatException("containerEdits is not an object");
        }

        if (JsonFields.Objects(edits, "hooks") is [{ } hook, ..])
        {
            throw new FormatException(
                $"it asks for the hook {JsonFields.Text(hook, "hookName")} {JsonFields.Text(hook, "path")}, and bld runs no hooks");
        }

        string? unknown = edits
            .Where(field => field.Value is not null && field.Key != "hooks" && !s_fields.Contains(field.Key))
            .Select(field => field.Key).FirstOrDefault();
        return unknown is not null
            ? throw new FormatException($"containerEdits has the field {unknown}, which bld does not know")
            : new DeviceEdits
            {
                Environment = [.. JsonFields.Texts(edits, "env").Select(CheckVariable)],
                Nodes = [.. JsonFields.Objects(edits, "deviceNodes").Select(DeviceNode.Read)],
                Mounts = [.. JsonFields.Objects(edits, "mounts").Select(DeviceMount.Read)],
                Groups = [.. JsonFields.Texts(edits, "additionalGids").Select(text => uint.TryParse(text, out uint id)
                    ? id
                    : throw new FormatException($"additionalGids: {text} is no group id"))],
            };
    }

    private static string CheckVariable(string text) =>
        text.IndexOf('=', StringComparison.Ordinal) > 0 ? text : throw new FormatException($"env: \"{text}\" is not NAME=VALUE");
}

/// <summary>A device node.</summary>
/// <param name="Path">Absolute, in the container.</param>
/// <param name="HostPath">Absolute, on the machine.</param>
/// <param name="Mode">Permission bits, or null for those of the machine's node.</param>
/// <param name="UserId">Owner, or null for that of the machine's node.</param>
/// <param name="GroupId">Group, or null for that of the machine's node.</param>
internal sealed record DeviceNode(string Path, string HostPath, int? Mode, uint? UserId, uint? GroupId)
{
    private const int PermissionBits = 0b111_111_111;

    /// <summary>Reads an item of <c>deviceNodes</c>.</summary>
    public static DeviceNode Read(JsonObject node)
    {
        string path = DeviceMount.AbsolutePath(node, "path");
        string? permissions = JsonFields.Text(node, "permissions");
        return permissions is not null && !(permissions.Contains('r', StringComparison.Ordinal) && permissions.Contains('w', StringComparison.Ordinal))
            ? throw new FormatException($"deviceNodes: {path} has the permissions {permissions}, and bld can give rw only")
            : new DeviceNode(
                path,
                node["hostPath"] is null ? path : DeviceMount.AbsolutePath(node, "hostPath"),
                (int?)JsonFields.Number(node, "fileMode") & PermissionBits,
                (uint?)JsonFields.Number(node, "uid"),
                (uint?)JsonFields.Number(node, "gid"));
    }
}

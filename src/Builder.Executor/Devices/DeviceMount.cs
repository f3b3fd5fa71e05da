// SPDX-License-Identifier: Apache-2.0

using System.Text.Json.Nodes;
using Builder.Executor.Interop;

namespace Builder.Executor.Devices;

/// <summary>A file or directory of the machine that a device shows in containers.</summary>
/// <param name="HostPath">Absolute, on the machine.</param>
/// <param name="Target">Absolute, in the container.</param>
/// <param name="Attributes">Mount attributes: read-only and the like.</param>
/// <param name="IsRecursive">With the mounts below it.</param>
internal sealed record DeviceMount(string HostPath, string Target, ulong Attributes, bool IsRecursive)
{
    /// <summary>Reads an item of <c>mounts</c>.</summary>
    /// <exception cref="FormatException">Malformed, or an option that bld does not know.</exception>
    public static DeviceMount Read(JsonObject mount)
    {
        string hostPath = AbsolutePath(mount, "hostPath");
        if (JsonFields.Text(mount, "type") is { } type and not ("" or "none" or "bind"))
        {
            throw new FormatException($"mounts: {hostPath} is of the type {type}, and bld knows bind only");
        }

        ulong attributes = 0;
        bool isRecursive = false;
        foreach (string option in JsonFields.Texts(mount, "options"))
        {
            isRecursive |= option == "rbind";
            attributes |= option switch
            {
                "ro" => Libc.MountReadOnly,
                "nosuid" => Libc.MountNoSuid,
                "nodev" => Libc.MountNoDev,
                "noexec" => Libc.MountNoExec,
                "bind" or "rbind" or "rw" or "suid" or "dev" or "exec" or "private" or "rprivate" => 0UL,
                _ => throw new FormatException($"mounts: {hostPath} has the option {option}, which bld does not know"),
            };
        }

        return new DeviceMount(hostPath, AbsolutePath(mount, "containerPath"), attributes, isRecursive);
    }

    /// <summary>A path that must be there and begin at the root.</summary>
    public static string AbsolutePath(JsonObject node, string name) =>
        JsonFields.Text(node, name) is { } path && path.StartsWith('/')
            ? path
            : throw new FormatException($"{name} is not an absolute path");
}

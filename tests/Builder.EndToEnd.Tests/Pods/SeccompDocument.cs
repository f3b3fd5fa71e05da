// SPDX-License-Identifier: Apache-2.0

using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Builder.EndToEnd.Tests.Pods;

/// <summary>Makes the <c>linux.seccomp</c> of an OCI runtime config from a profile with conditions on capabilities.</summary>
internal static class SeccompDocument
{
    // All CLONE_NEW* that clone(2) takes.
    private const uint NamespaceFlags = 0x7E020000;
    private const int Eperm = 1;
    private const int Enosys = 38;

    // What docker and containerd allow with a capability only, or not at all. Source: docs.docker.com/engine/security/seccomp.
    private static readonly FrozenSet<string> s_dockerDenies = FrozenSet.ToFrozenSet(
    [
        "clone", "clone3", "unshare", "setns", "mount", "umount", "umount2", "pivot_root", "mount_setattr", "move_mount",
        "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "keyctl", "add_key", "request_key", "userfaultfd",
        "process_vm_readv", "process_vm_writev", "pidfd_getfd",
    ]);

    /// <summary>The document, or null for no filter.</summary>
    public static JsonObject? Make(PodSeccomp kind, ImmutableArray<string> capabilities)
    {
        if (kind == PodSeccomp.Unconfined)
        {
            return null;
        }

        bool isDocker = kind == PodSeccomp.RuntimeDefault;
        var rules = new JsonArray();
        JsonNode profile = JsonNode.Parse(
            File.ReadAllText(Path.Combine(Bases.Repository, "testdata", "pods", "seccomp-containers.json")))!;
        foreach (JsonNode? rule in profile["syscalls"]!.AsArray())
        {
            if (Applies(rule!, capabilities) && Translate(rule!, isDocker) is { } translated)
            {
                rules.Add((JsonNode)translated);
            }
        }

        if (isDocker)
        {
            rules.Add(JsonNode.Parse($$"""
                {"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":{{NamespaceFlags}},"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]}
                """));
            rules.Add(JsonNode.Parse($$"""{"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":{{Enosys}}}"""));
        }

        return new JsonObject
        {
            ["defaultAction"] = "SCMP_ACT_ERRNO",
            ["defaultErrnoRet"] = isDocker ? Eperm : Enosys,
            ["architectures"] = IsArm ? new JsonArray("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM") : new JsonArray("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
            ["syscalls"] = rules,
        };
    }

    private static bool IsArm => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    private static bool Applies(JsonNode rule, ImmutableArray<string> capabilities)
    {
        string[] architectures = Texts(rule["includes"]?["arches"]);
        return (architectures.Length == 0 || architectures.Contains(IsArm ? "arm64" : "amd64"))
            && Texts(rule["includes"]?["caps"]).All(name => capabilities.Contains(name))
            && !Texts(rule["excludes"]?["caps"]).Any(name => capabilities.Contains(name));
    }

    private static JsonObject? Translate(JsonNode rule, bool isDocker)
    {
        string action = rule["action"]!.GetValue<string>();
        string[] names = [.. Texts(rule["names"]).Where(name =>
            !isDocker || action != "SCMP_ACT_ALLOW" || !s_dockerDenies.Contains(name))];
        if (names.Length == 0)
        {
            return null;
        }

        var result = new JsonObject
        {
            ["names"] = new JsonArray([.. names.Select(name => (JsonNode?)JsonValue.Create(name))]),
            ["action"] = action,
        };
        if (rule["errnoRet"] is { } errno)
        {
            result["errnoRet"] = errno.DeepClone();
        }

        if (rule["args"] is JsonArray { Count: > 0 } arguments)
        {
            result["args"] = arguments.DeepClone();
        }

        return result;
    }

    private static string[] Texts(JsonNode? node) =>
        node is JsonArray array ? [.. array.Select(item => item!.GetValue<string>())] : [];
}

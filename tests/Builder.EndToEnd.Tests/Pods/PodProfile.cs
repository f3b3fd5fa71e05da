// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;

namespace Builder.EndToEnd.Tests.Pods;

/// <summary>The default seccomp profile of a container runtime, or none.</summary>
public enum PodSeccomp
{
    /// <summary>No filter.</summary>
    Unconfined,

    /// <summary>docker's and containerd's: Kubernetes' RuntimeDefault on most clusters.</summary>
    RuntimeDefault,

    /// <summary>podman's and CRI-O's: RuntimeDefault on OpenShift.</summary>
    Containers,
}

/// <summary>What a pod's security context gives to its container.</summary>
/// <param name="Name">For messages.</param>
/// <param name="UserId">runAsUser.</param>
/// <param name="Capabilities">What the container's bounding set holds.</param>
/// <param name="Seccomp">seccompProfile.</param>
/// <param name="NoNewPrivileges">allowPrivilegeEscalation: false.</param>
/// <param name="IsProcMasked">procMount: Default; false is Unmasked.</param>
public sealed record PodProfile(
    string Name, uint UserId, ImmutableArray<string> Capabilities, PodSeccomp Seccomp, bool NoNewPrivileges, bool IsProcMasked)
{
    /// <summary>What the pod's user 0 is on the machine, 65,536 ids in a row; 0 without a user namespace.</summary>
    public uint FirstId { get; init; }

    /// <summary>privileged: all devices.</summary>
    public bool HasAllDevices { get; init; }

    private static readonly ImmutableArray<string> s_default =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
    ];

    // CRI-O's default_capabilities. Source: crio.conf(5).
    private static readonly ImmutableArray<string> s_crio =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE", "CAP_KILL",
    ];

    // By number. Source: capabilities(7), linux/capability.h.
    private static readonly ImmutableArray<string> s_all =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
        "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
        "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
        "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
        "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
        "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ];

    /// <summary>Root as most clusters give it.</summary>
    public static PodProfile Root { get; } =
        new("root", 0, s_default, PodSeccomp.RuntimeDefault, NoNewPrivileges: false, IsProcMasked: true);

    /// <summary>Kubernetes' "restricted".</summary>
    public static PodProfile Restricted { get; } =
        new("restricted", 1000, [], PodSeccomp.RuntimeDefault, NoNewPrivileges: true, IsProcMasked: true);

    /// <summary>A user whose seccomp profile allows namespaces.</summary>
    public static PodProfile UserUnconfined { get; } =
        new("user, seccomp unconfined", 1000, [], PodSeccomp.Unconfined, NoNewPrivileges: false, IsProcMasked: true);

    /// <summary>Root whose seccomp profile allows namespaces.</summary>
    public static PodProfile RootUnconfined { get; } =
        new("root, seccomp unconfined", 0, s_default, PodSeccomp.Unconfined, NoNewPrivileges: false, IsProcMasked: true);

    /// <summary>Root with all capabilities dropped.</summary>
    public static PodProfile RootWithoutCapabilities { get; } =
        new("root, no capabilities", 0, [], PodSeccomp.RuntimeDefault, NoNewPrivileges: true, IsProcMasked: true);

    /// <summary>CRI-O's profile for a user, as OpenShift's restricted-v2 gives it.</summary>
    public static PodProfile OpenShift { get; } =
        new("openshift", 1000, [], PodSeccomp.Containers, NoNewPrivileges: true, IsProcMasked: true);

    /// <summary>"restricted" but for its seccomp profile.</summary>
    public static PodProfile RestrictedUnconfined { get; } =
        Restricted with { Name = "restricted, seccomp unconfined", Seccomp = PodSeccomp.Unconfined };

    /// <summary>Root with CRI-O's capabilities and profile.</summary>
    public static PodProfile CrioRoot { get; } =
        new("cri-o, root", 0, s_crio, PodSeccomp.Containers, NoNewPrivileges: false, IsProcMasked: true);

    /// <summary>The same with the capability that lets root be mapped into a user namespace.</summary>
    public static PodProfile CrioRootWithSetfcap { get; } =
        CrioRoot with { Name = "cri-o, root, SETFCAP added", Capabilities = s_crio.Add("CAP_SETFCAP") };

    /// <summary>privileged: what the machine's root has.</summary>
    public static PodProfile Privileged { get; } =
        new("privileged", 0, AllCapabilities(), PodSeccomp.Unconfined, NoNewPrivileges: false, IsProcMasked: false)
        {
            HasAllDevices = true,
        };

    /// <summary>hostUsers: false, root.</summary>
    public static PodProfile UserNamespace { get; } = Root with { Name = "hostUsers: false", FirstId = 300_000 };

    /// <summary>hostUsers: false, root, seccomp unconfined.</summary>
    public static PodProfile UserNamespaceUnconfined { get; } =
        RootUnconfined with { Name = "hostUsers: false, seccomp unconfined", FirstId = 300_000 };

    /// <summary>The profile of a property of this type.</summary>
    public static PodProfile Find(string property) =>
        (PodProfile)typeof(PodProfile).GetProperty(property)!.GetValue(null)!;

    /// <inheritdoc/>
    public override string ToString() => Name;

    // No more than there is here: a runtime cannot give what it does not have.
    private static ImmutableArray<string> AllCapabilities()
    {
        const string Bounding = "CapBnd:";
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(Bounding, StringComparison.Ordinal));
        ulong bits = ulong.Parse(line[Bounding.Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return [.. s_all.Where((_, number) => (bits >> number & 1) != 0)];
    }
}

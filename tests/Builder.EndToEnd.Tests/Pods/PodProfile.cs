// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

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
    private static readonly ImmutableArray<string> s_default =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
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

    /// <inheritdoc/>
    public override string ToString() => Name;
}

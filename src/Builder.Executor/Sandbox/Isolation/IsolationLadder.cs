// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Chroot;
using Builder.Executor.Sandbox.Seccomp;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Sandbox.Trace;

namespace Builder.Executor.Sandbox.Isolation;

/// <summary>What trying a rung showed.</summary>
/// <param name="Rung">The rung.</param>
/// <param name="IsPossible">The machine allows it and bld can use it.</param>
/// <param name="Reason">What was found, or which door is closed and what opens it.</param>
public sealed record RungFinding(IsolationRung Rung, bool IsPossible, string Reason);

/// <summary>
/// Finds the best rung by trying each with a throw-away child, never by guessing from the user id: nothing is remembered
/// between runs.
/// </summary>
public static class IsolationLadder
{
    private const string NotBuilt = "the machine allows it; this version of bld cannot use it yet";

    private static readonly Capability[] s_chrootCapabilities =
    [
        Capability.SysChroot, Capability.Chown, Capability.DacOverride, Capability.Fowner, Capability.Fsetid,
        Capability.Mknod, Capability.Setgid, Capability.Setuid, Capability.Setpcap,
    ];

    /// <summary>Tries all rungs, best first; seen from this process, before it enters any namespace.</summary>
    public static ImmutableArray<RungFinding> Probe() =>
    [
        ProbeNative(), ProbeUserNamespace(), ProbeSingleId(), ProbeChroot(), ProbeTrace(),
    ];

    /// <summary>The rung to use: the one asked for, or the best that is possible, or none.</summary>
    /// <exception cref="SandboxException">The one asked for is not possible; the closed door is named.</exception>
    public static IsolationChoice Choose(IsolationRung? wanted)
    {
        if (wanted is { } rung)
        {
            RungFinding finding = Probe(rung);
            return finding.IsPossible
                ? IsolationChoice.Of(rung)
                : throw new SandboxException($"isolation {IsolationRungs.NameOf(rung)}: {finding.Reason}")
                {
                    Hint = "`bld info` says what this machine allows; --isolation auto takes the best of it",
                };
        }

        ImmutableArray<RungFinding>.Builder closed = ImmutableArray.CreateBuilder<RungFinding>();
        foreach (IsolationRung candidate in Enum.GetValues<IsolationRung>())
        {
            RungFinding finding = Probe(candidate);
            if (finding.IsPossible)
            {
                return new IsolationChoice(candidate, closed.ToImmutable());
            }

            closed.Add(finding);
        }

        return new IsolationChoice(null, closed.ToImmutable());
    }

    /// <summary>Tries one rung.</summary>
    public static RungFinding Probe(IsolationRung rung) => rung switch
    {
        IsolationRung.Native => ProbeNative(),
        IsolationRung.UserNamespace => ProbeUserNamespace(),
        IsolationRung.SingleIdUserNamespace => ProbeSingleId(),
        IsolationRung.Chroot => ProbeChroot(),
        _ => ProbeTrace(),
    };

    /// <summary>True when this process may make mount namespaces itself: as the machine's root, or inside a user
    /// namespace already.</summary>
    internal static bool IsPrivileged() => TryRows(
        Libc.CloneNewNs | Libc.CloneNewPid | Libc.CloneNewIpc | Libc.CloneNewUts, null, MountRow) is null;

    private static RungFinding ProbeNative()
    {
        if (HostFacts.Current.IsInUserNamespace)
        {
            return new RungFinding(IsolationRung.Native, false, "this process is in a user namespace: not the machine's root");
        }

        return TryRows(
                Libc.CloneNewNs | Libc.CloneNewPid | Libc.CloneNewIpc | Libc.CloneNewUts, null, MountRow) is { } failure
            ? new RungFinding(IsolationRung.Native, false, $"{failure.Message}; it needs CAP_SYS_ADMIN (a privileged container, or root)")
            : new RungFinding(IsolationRung.Native, true, "namespaces and mounts as the machine's root");
    }

    private static RungFinding ProbeUserNamespace()
    {
        IdMapping? mapping = IdMapping.FindMany(out string? reason);
        if (mapping is null)
        {
            return new RungFinding(IsolationRung.UserNamespace, false, reason!);
        }

        return TryRows(Libc.CloneNewUser | Libc.CloneNewNs | Libc.CloneNewPid, mapping, MountRow) is { } failure
            ? new RungFinding(IsolationRung.UserNamespace, false, Explain(failure))
            : new RungFinding(IsolationRung.UserNamespace, true, $"a user namespace with {mapping.Count} ids");
    }

    private static RungFinding ProbeSingleId() =>
        TryRows(Libc.CloneNewUser | Libc.CloneNewNs | Libc.CloneNewPid, IdMapping.Single(), MountRow) is { } failure
            ? new RungFinding(IsolationRung.SingleIdUserNamespace, false, Explain(failure))
            : new RungFinding(IsolationRung.SingleIdUserNamespace, true, "a user namespace with one id; owners in the ledger");

    private static RungFinding ProbeChroot()
    {
        if (Libc.GetEffectiveUserId() != 0)
        {
            return new RungFinding(IsolationRung.Chroot, false, "this process is not root (runAsUser: 0)");
        }

        string missing = string.Join(
            ", ", s_chrootCapabilities.Where(capability => !HostFacts.Current.Permitted.Contains(capability))
                .Select(CapabilitySet.NameOf));
        if (missing.Length > 0)
        {
            return new RungFinding(
                IsolationRung.Chroot, false, $"root lacks {missing} (securityContext.capabilities.add)");
        }

        if (HostFacts.Current.IsInUserNamespace)
        {
            return new RungFinding(
                IsolationRung.Chroot, false, "root of a user namespace cannot make the device nodes of /dev (hostUsers: true)");
        }

        if (TryRows(0, null, ChrootRows) is { } failure)
        {
            return new RungFinding(
                IsolationRung.Chroot, false, $"{failure.Message}; the seccomp profile or a security module forbids it");
        }

        int landlock = LandlockRuleset.FindAbi();
        return new RungFinding(
            IsolationRung.Chroot, true,
            "root without namespaces: a directory of its own for each step"
                + (landlock >= LandlockRuleset.LowestAbi ? $", kept in by Landlock (ABI {landlock})" : ", without Landlock"));
    }

    private static RungFinding ProbeTrace() => TraceProbe.FindObstacle() is { } obstacle
        ? new RungFinding(IsolationRung.Trace, false, obstacle)
        : new RungFinding(
            IsolationRung.Trace, true,
            $"ptrace and seccomp; owners in the ledger; {TraceProbe.DescribeFence()}");

    private static void ChrootRows(SyscallProgramme programme)
    {
        programme.Add("chroot", Syscall.Chroot, programme.Text("/"));
        IdentityRows.SetNoNewPrivileges(programme);
        SeccompRows.Install(programme, DefaultSeccompProfile.Get(CapabilitySet.Default), "install a call filter");
    }

    private static void MountRow(SyscallProgramme programme)
    {
        programme.Add(
            "mount in a new namespace", Syscall.Mount, programme.Text("none"), programme.Text("/"), 0,
            (nint)(Libc.MountRecursive | Libc.MountPrivate));
        programme.Add(
            "mount in a new namespace", Syscall.Mount, programme.Text("tmpfs"), programme.Text("/proc"),
            programme.Text("tmpfs"), 0);
    }

    private static string Explain(SandboxException failure) => failure.Errno switch
    {
        Errno.ENOSPC => "no user namespaces are allowed; set user.max_user_namespaces above 0",
        Errno.EPERM when failure.Syscall == "clone" =>
            "user namespaces are forbidden; allow them in the seccomp profile (unconfined) or kernel.unprivileged_userns_clone=1",
        Errno.EPERM when failure.Syscall == "write" && Libc.GetEffectiveUserId() == 0
            && !HostFacts.Current.Permitted.Contains(Capability.Setfcap) =>
            "root without CAP_SETFCAP cannot be mapped; add it (securityContext.capabilities.add)",
        Errno.EACCES or Errno.EPERM =>
            $"{failure.Message}; AppArmor or SELinux restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns=0)",
        _ => failure.Message,
    };

    // A child walks the rows and exits.
    private static SandboxException? TryRows(ulong namespaces, IdMapping? mapping, Action<SyscallProgramme> append)
    {
        using var programme = new SyscallProgramme { CloneFlags = namespaces };
        ProcessRows.Begin(programme);
        using IdMappingGate? gate = mapping is null ? null : IdMappingGate.Append(programme, mapping);
        append(programme);
        programme.Add("end", Syscall.ExitGroup, 0);
        try
        {
            using SpawnedProcess process = Spawner.Shared.Start(programme, pid => gate?.Open(pid));
            return process.Wait().IsSuccess ? null : new SandboxException("try a rung: the child was killed");
        }
        catch (SandboxException failure)
        {
            return failure;
        }
    }
}

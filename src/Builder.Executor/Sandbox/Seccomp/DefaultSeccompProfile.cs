// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Seccomp;

/// <summary>
/// The filter that containers get by default, with the effect of docker's: what is known and harmless is allowed, what
/// belongs to a capability is allowed with it, the rest fails with EPERM, calls newer than the table with ENOSYS (so
/// that programmes fall back). clone3 hides its flags in memory, where no filter sees them: ENOSYS makes libraries use
/// clone. Source: docs.docker.com/engine/security/seccomp and moby's profiles/seccomp.
/// </summary>
internal static class DefaultSeccompProfile
{
    private const uint NamespaceFlags = 0x7E020000; // all CLONE_NEW* that clone(2) takes
    private const uint AddressFamilyUnix = 1;
    private const uint AddressFamilyVsock = 40;

    // Never allowed: keys are not namespaced, the rest is obsolete or reaches the whole machine.
    private const string Forbidden =
        "_sysctl add_key afs_syscall bdflush break create_module ftime get_kernel_syms getpmsg gtty idle"
        + " io_uring_enter io_uring_register io_uring_setup kexec_file_load kexec_load keyctl lock"
        + " lsm_get_self_attr lsm_list_modules lsm_set_self_attr migrate_pages move_pages mpx nfsservctl pivot_root"
        + " prof profil putpmsg query_module request_key security stty swapoff swapon sysfs tuxcall ulimit uselib"
        + " userfaultfd ustat vm86 vm86old vserver";

    private static readonly (string Names, ImmutableArray<Capability> AnyOf)[] s_byCapability =
    [
        ("bpf", [Capability.SysAdmin, Capability.Bpf]),
        ("fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree"
            + " open_tree_attr listmount statmount quotactl quotactl_fd setdomainname sethostname setns umount umount2"
            + " unshare", [Capability.SysAdmin]),
        ("perf_event_open", [Capability.SysAdmin, Capability.Perfmon]),
        ("syslog", [Capability.SysAdmin, Capability.Syslog]),
        ("open_by_handle_at", [Capability.DacReadSearch]),
        ("reboot", [Capability.SysBoot]),
        ("chroot", [Capability.SysChroot]),
        ("delete_module init_module finit_module", [Capability.SysModule]),
        ("acct", [Capability.SysPacct]),
        ("kcmp pidfd_getfd process_madvise", [Capability.SysPtrace]),
        ("iopl ioperm", [Capability.SysRawio]),
        ("settimeofday stime clock_settime clock_settime64", [Capability.SysTime]),
        ("vhangup", [Capability.SysTtyConfig]),
        ("get_mempolicy mbind set_mempolicy set_mempolicy_home_node", [Capability.SysNice]),
    ];

    // Linux, Linux with 32-bit addresses, both with the persona of a plain PER_LINUX32, and "what is it now".
    private static readonly uint[] s_personalities = [0, 8, 0x20000, 0x20008, 0xFFFFFFFF];

    private static readonly Lazy<BpfInstruction[]> s_default = new(() => Build(CapabilitySet.Default));

    /// <summary>The filter for a process with these capabilities; the usual one is made once.</summary>
    public static BpfInstruction[] Get(CapabilitySet capabilities, bool withoutNetwork = false) =>
        capabilities == CapabilitySet.Default && !withoutNetwork ? s_default.Value : Build(capabilities, withoutNetwork);

    /// <summary>Makes the filter for a process with these capabilities.</summary>
    /// <param name="capabilities">What it may do.</param>
    /// <param name="withoutNetwork">It may make unix sockets only: where there is no network namespace to put it in.</param>
    public static BpfInstruction[] Build(CapabilitySet capabilities, bool withoutNetwork = false) =>
        SeccompFilter.Build(
            Rules(capabilities, withoutNetwork),
            otherwise: SeccompAction.Fail(Errno.EPERM),
            beyond: SeccompAction.Fail(Errno.ENOSYS),
            foreign: SeccompAction.Fail(Errno.ENOSYS));

    private static List<SeccompRule> Rules(CapabilitySet capabilities, bool withoutNetwork)
    {
        var rules = new Dictionary<string, SeccompRule>(StringComparer.Ordinal);
        foreach (string name in SyscallNumbers.Names)
        {
            rules[name] = new SeccompRule(name, SeccompAction.Allow);
        }

        foreach (string name in Forbidden.Split(' '))
        {
            rules.Remove(name);
        }

        foreach ((string names, ImmutableArray<Capability> anyOf) in s_byCapability)
        {
            if (!anyOf.Any(capabilities.Contains))
            {
                foreach (string name in names.Split(' '))
                {
                    rules.Remove(name);
                }
            }
        }

        AddConditions(rules, capabilities);
        if (withoutNetwork)
        {
            rules["socket"] = new SeccompRule(
                "socket", SeccompAction.Allow, [new ArgumentCondition(0, ArgumentTest.Equal, AddressFamilyUnix)],
                SeccompAction.Fail(Errno.EACCES));
            rules.Remove("socketcall"); // 32-bit processes: the family is in memory, where no filter sees it
        }

        return [.. rules.Values];
    }

    private static void AddConditions(Dictionary<string, SeccompRule> rules, CapabilitySet capabilities)
    {
        Restrict("socket", new ArgumentCondition(0, ArgumentTest.NotEqual, AddressFamilyVsock));
        Restrict(
            "personality",
            [.. s_personalities.Select(value => new ArgumentCondition(0, ArgumentTest.Equal, value))]);
        if (!capabilities.Contains(Capability.SysAdmin))
        {
            Restrict("clone", new ArgumentCondition(0, ArgumentTest.NoneOf, NamespaceFlags));
            rules["clone3"] = new SeccompRule("clone3", SeccompAction.Fail(Errno.ENOSYS));
        }

        void Restrict(string name, params ImmutableArray<ArgumentCondition> anyOf) =>
            rules[name] = new SeccompRule(name, SeccompAction.Allow, anyOf, SeccompAction.Fail(Errno.EPERM));
    }
}

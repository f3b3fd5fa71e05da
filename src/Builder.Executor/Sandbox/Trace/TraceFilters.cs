// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Seccomp;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// The filters of a traced step. Calls that carry paths or identities are answered by this process through the listener;
/// those that only the process itself can make (execve, what sockets do with paths) stop for the tracer; the rest runs at
/// full speed. 32-bit and x32 calls fail: their numbers are others. The default profile's filter comes on top.
/// </summary>
internal static class TraceFilters
{
    private const uint KeepCapabilities = 8; // PR_SET_KEEPCAPS
    private const uint SetDumpable = 4; // PR_SET_DUMPABLE: the tracer could not read its memory any more
    private const uint SetMemory = 35; // PR_SET_MM: with another heap, brk(2) could map and unmap the places for arguments
    private const uint SetOwner = 8; // F_SETOWN
    private const uint SetOwnerEx = 15; // F_SETOWN_EX
    private const uint IoctlSetOwner = 0x8901; // FIOSETOWN
    private const uint IoctlSetGroup = 0x8902; // SIOCSPGRP
    private const uint FamilyUnix = 1;
    private const uint ProtocolAudit = 9; // NETLINK_AUDIT
    private const uint PeerCredentials = 17; // SO_PEERCRED
    private const uint CloneUntraced = 0x800000; // CLONE_UNTRACED: it would outlive the step

    private const string Answered =
        "chown lchown fchown fchownat setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups"
        + " capset capget getuid geteuid getgid getegid getresuid getresgid getgroups"
        + " stat lstat fstat newfstatat statx access faccessat faccessat2 statfs"
        + " creat mkdir mkdirat mknod mknodat symlink symlinkat link linkat"
        + " rename renameat renameat2 unlink rmdir unlinkat"
        + " chmod fchmod fchmodat fchmodat2 utime utimes futimesat utimensat truncate"
        + " getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr"
        + " removexattr lremovexattr fremovexattr"
        + " chdir fchdir chroot getcwd readlink readlinkat umask uname"
        + " kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open";

    private const string Traced = "execve execveat connect bind sendmsg sendmmsg inotify_add_watch";

    // Calls that give an address, and where its pointer is.
    private static readonly (string Name, int Argument)[] s_addressed =
        [("sendto", 4), ("recvfrom", 4), ("accept", 1), ("accept4", 1), ("getsockname", 1), ("getpeername", 1)];

    // Calls that change mappings, and where the mapping's address is; those of the places for arguments are not theirs.
    private static readonly (string Name, ImmutableArray<ArgumentCondition> AnyOf)[] s_mapping =
    [
        ("mmap", ConditionsOfMmap()),
        ("mremap",
            [
                new ArgumentCondition(0, ArgumentTest.Below, (uint)AddressSpace.PlacesEnd),
                new ArgumentCondition(4, ArgumentTest.BelowNotZero, (uint)AddressSpace.PlacesEnd),
            ]),
        ("shmat", [new ArgumentCondition(1, ArgumentTest.BelowNotZero, (uint)AddressSpace.PlacesEnd)]),
        .. from name in (string[])["munmap", "mprotect", "pkey_mprotect", "madvise", "remap_file_pages"]
           select (name, ImmutableArray.Create(
               new ArgumentCondition(0, ArgumentTest.Below, (uint)AddressSpace.PlacesEnd))),
    ];

    // Paths that nobody here reads, memory of other processes, and what would make the listener another's.
    private const string Refused =
        "acct fanotify_init fanotify_mark name_to_handle_at open_by_handle_at quotactl uselib ustat swapon swapoff"
        + " ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp mount umount2 pivot_root"
        + " setns unshare";

    private const string Missing =
        "io_uring_setup io_uring_enter io_uring_register openat2 open_tree move_mount fsopen fsconfig fsmount fspick"
        + " mount_setattr open_tree_attr statmount listmount setxattrat getxattrat listxattrat removexattrat file_getattr"
        + " file_setattr clone3";

    // Where the flags are: a listener cannot hand over a mere reference (O_PATH), which goes another way.
    private static readonly (string Name, int Flags)[] s_opening = [("open", 1), ("openat", 2)];

    private static readonly Lazy<BpfInstruction[]> s_answered = new(() => BuildAnswered(hasNetwork: true));
    private static readonly Lazy<BpfInstruction[]> s_answeredAlone = new(() => BuildAnswered(hasNetwork: false));
    private static readonly Lazy<BpfInstruction[]> s_traced = new(BuildTraced);

    /// <summary>The filter whose listener this process serves, and what is refused outright.</summary>
    public static BpfInstruction[] ForListener(bool hasNetwork) => (hasNetwork ? s_answered : s_answeredAlone).Value;

    /// <summary>The filter that stops for the tracer.</summary>
    public static BpfInstruction[] ForTracer => s_traced.Value;

    private static BpfInstruction[] BuildAnswered(bool hasNetwork)
    {
        var rules = new List<SeccompRule>();
        rules.AddRange(Answered.Split(' ').Select(name => new SeccompRule(name, SeccompAction.Notify)));
        rules.AddRange(s_opening.Select(call => new SeccompRule(
            call.Name, SeccompAction.Allow, [References(call.Flags)], SeccompAction.Notify)));
        rules.AddRange(Refused.Split(' ').Select(name => new SeccompRule(name, SeccompAction.Fail(Errno.EPERM))));
        rules.AddRange(Missing.Split(' ').Select(name => new SeccompRule(name, SeccompAction.Fail(Errno.ENOSYS))));
        rules.Add(new SeccompRule(
            "prctl", SeccompAction.Notify,
            [
                new ArgumentCondition(0, ArgumentTest.Equal, KeepCapabilities),
                new ArgumentCondition(0, ArgumentTest.Equal, SetDumpable),
                new ArgumentCondition(0, ArgumentTest.Equal, SetMemory),
            ],
            SeccompAction.Allow));
        rules.Add(new SeccompRule(
            "fcntl", SeccompAction.Notify,
            [new ArgumentCondition(1, ArgumentTest.Equal, SetOwner), new ArgumentCondition(1, ArgumentTest.Equal, SetOwnerEx)],
            SeccompAction.Allow));
        rules.Add(new SeccompRule(
            "ioctl", SeccompAction.Fail(Errno.EPERM),
            [new ArgumentCondition(1, ArgumentTest.Equal, IoctlSetOwner), new ArgumentCondition(1, ArgumentTest.Equal, IoctlSetGroup)],
            SeccompAction.Allow));
        foreach (string name in (ReadOnlySpan<string>)
            ["prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"])
        {
            rules.Add(new SeccompRule(
                name, SeccompAction.Notify, [new ArgumentCondition(0, ArgumentTest.NotEqual, 0)], SeccompAction.Allow));
        }

        rules.Add(new SeccompRule(
            "clone", SeccompAction.Fail(Errno.EPERM), [new ArgumentCondition(0, ArgumentTest.AnyOf, CloneUntraced)],
            SeccompAction.Allow));
        rules.Add(new SeccompRule("setpriority", SeccompAction.Notify));
        rules.Add(new SeccompRule("ioprio_set", SeccompAction.Notify));
        // Messages to the audit system need a capability; without one, programmes want it not to be there.
        rules.Add(hasNetwork
            ? new SeccompRule(
                "socket", SeccompAction.Fail(Errno.EPROTONOSUPPORT),
                [new ArgumentCondition(2, ArgumentTest.Equal, ProtocolAudit)], SeccompAction.Allow)
            : new SeccompRule(
                "socket", SeccompAction.Fail(Errno.EAFNOSUPPORT),
                [new ArgumentCondition(0, ArgumentTest.NotEqual, FamilyUnix)], SeccompAction.Allow));

        return Build(rules);
    }

    private static BpfInstruction[] BuildTraced()
    {
        List<SeccompRule> rules =
            [.. Traced.Split(' ').Select(name => new SeccompRule(name, SeccompAction.Trace))];
        rules.AddRange(s_addressed.Select(call => new SeccompRule(
            call.Name, SeccompAction.Trace, [new ArgumentCondition(call.Argument, ArgumentTest.NotZero, 0)],
            SeccompAction.Allow)));
        rules.AddRange(s_mapping.Select(call => new SeccompRule(
            call.Name, SeccompAction.Trace, call.AnyOf, SeccompAction.Allow)));
        rules.Add(new SeccompRule(
            "getsockopt", SeccompAction.Trace, [new ArgumentCondition(2, ArgumentTest.Equal, PeerCredentials)],
            SeccompAction.Allow));
        rules.AddRange(s_opening.Select(call => new SeccompRule(
            call.Name, SeccompAction.Trace, [References(call.Flags)], SeccompAction.Allow)));
        return Build(rules);
    }

    // Address 0 is a wish for any place, unless the machine lets everybody map it.
    private static ImmutableArray<ArgumentCondition> ConditionsOfMmap()
    {
        const uint Fixed = 0x10; // MAP_FIXED
        var below = new ArgumentCondition(0, ArgumentTest.BelowNotZero, (uint)AddressSpace.PlacesEnd);
        return MayMapZero() ? [below, new ArgumentCondition(3, ArgumentTest.AnyOf, Fixed)] : [below];
    }

    private static bool MayMapZero()
    {
        try
        {
            return File.ReadAllText("/proc/sys/vm/mmap_min_addr").Trim() == "0";
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private static ArgumentCondition References(int flags) => new(flags, ArgumentTest.AnyOf, OpenFlags.Path);

    private static BpfInstruction[] Build(List<SeccompRule> rules) => SeccompFilter.Build(
        rules, SeccompAction.Allow, SeccompAction.Fail(Errno.ENOSYS), SeccompAction.Fail(Errno.ENOSYS), nativeOnly: true);
}

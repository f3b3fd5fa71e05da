// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Seccomp;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>Numbers of the calls that the tracer makes or changes; x86-64, the one machine it knows.</summary>
internal static class CallNumbers
{
    public static readonly int Accept = Of("accept");
    public static readonly int Accept4 = Of("accept4");
    public static readonly int Bind = Of("bind");
    public static readonly int Chmodat = Of("fchmodat");
    public static readonly int Connect = Of("connect");
    public static readonly int Execve = Of("execve");
    public static readonly int Execveat = Of("execveat");
    public static readonly int Faccessat = Of("faccessat");
    public static readonly int Fstatfs = Of("fstatfs");
    public static readonly int Ftruncate = Of("ftruncate");
    public static readonly int Getpeername = Of("getpeername");
    public static readonly int Getsockname = Of("getsockname");
    public static readonly int Getsockopt = Of("getsockopt");
    public static readonly int GetXattr = Of("getxattr");
    public static readonly int InotifyAddWatch = Of("inotify_add_watch");
    public static readonly int LandlockAddRule = Of("landlock_add_rule");
    public static readonly int LandlockCreateRuleset = Of("landlock_create_ruleset");
    public static readonly int LandlockRestrictSelf = Of("landlock_restrict_self");
    public static readonly int Linkat = Of("linkat");
    public static readonly int ListXattr = Of("listxattr");
    public static readonly int MemfdCreate = Of("memfd_create");
    public static readonly int Mkdirat = Of("mkdirat");
    public static readonly int Mknodat = Of("mknodat");
    public static readonly int Mmap = Of("mmap");
    public static readonly int Mremap = Of("mremap");
    public static readonly int Newfstatat = Of("newfstatat");
    public static readonly int Open = Of("open");
    public static readonly int Openat = Of("openat");
    public static readonly int Openat2 = Of("openat2");
    public static readonly int Pread = Of("pread64");
    public static readonly int Ptrace = Of("ptrace");
    public static readonly int Readlinkat = Of("readlinkat");
    public static readonly int Recvfrom = Of("recvfrom");
    public static readonly int RemoveXattr = Of("removexattr");
    public static readonly int Renameat2 = Of("renameat2");
    public static readonly int Sendmmsg = Of("sendmmsg");
    public static readonly int Sendmsg = Of("sendmsg");
    public static readonly int Sendto = Of("sendto");
    public static readonly int SetXattr = Of("setxattr");
    public static readonly int Shmat = Of("shmat");
    public static readonly int Statx = Of("statx");
    public static readonly int Symlinkat = Of("symlinkat");
    public static readonly int Unlinkat = Of("unlinkat");
    public static readonly int Utimensat = Of("utimensat");

    private static int Of(string name) =>
        SyscallNumbers.Find(name, SyscallAbi.X64)
        ?? throw new InvalidOperationException($"{name} is not in the table of calls");
}

// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>A system call by its manual page's name, with its number on each machine bld runs on.</summary>
/// <param name="Name">The name.</param>
/// <param name="X64">The number on x86-64.</param>
/// <param name="Arm64">The number on arm64.</param>
internal readonly record struct Syscall(string Name, int X64, int Arm64)
{
    public static Syscall Read => new("read", 0, 63);
    public static Syscall Write => new("write", 1, 64);
    public static Syscall Close => new("close", 3, 57);
    public static Syscall Openat => new("openat", 257, 56);
    public static Syscall Dup3 => new("dup3", 292, 24);
    public static Syscall Fcntl => new("fcntl", 72, 25);
    public static Syscall Ioctl => new("ioctl", 16, 29);
    public static Syscall Pipe2 => new("pipe2", 293, 59);
    public static Syscall Socket => new("socket", 41, 198);
    public static Syscall Sendmsg => new("sendmsg", 46, 211);
    public static Syscall Mount => new("mount", 165, 40);
    public static Syscall Umount2 => new("umount2", 166, 39);
    public static Syscall PivotRoot => new("pivot_root", 155, 41);
    public static Syscall Chdir => new("chdir", 80, 49);
    public static Syscall Fchdir => new("fchdir", 81, 50);
    public static Syscall Chroot => new("chroot", 161, 51);
    public static Syscall OpenTree => new("open_tree", 428, 428);
    public static Syscall MoveMount => new("move_mount", 429, 429);
    public static Syscall Fsopen => new("fsopen", 430, 430);
    public static Syscall Fsconfig => new("fsconfig", 431, 431);
    public static Syscall Fsmount => new("fsmount", 432, 432);
    public static Syscall MountSetattr => new("mount_setattr", 442, 442);
    public static Syscall Openat2 => new("openat2", 437, 437);
    public static Syscall Mkdirat => new("mkdirat", 258, 34);
    public static Syscall Symlinkat => new("symlinkat", 266, 36);
    public static Syscall Mknodat => new("mknodat", 259, 33);
    public static Syscall Unlinkat => new("unlinkat", 263, 35);
    public static Syscall RtSigaction => new("rt_sigaction", 13, 134);
    public static Syscall RtSigprocmask => new("rt_sigprocmask", 14, 135);
    public static Syscall Prctl => new("prctl", 157, 167);
    public static Syscall Setsid => new("setsid", 112, 157);
    public static Syscall Setpgid => new("setpgid", 109, 154);
    public static Syscall Sethostname => new("sethostname", 170, 161);
    public static Syscall Setdomainname => new("setdomainname", 171, 162);
    public static Syscall Setns => new("setns", 308, 268);
    public static Syscall Unshare => new("unshare", 272, 97);
    public static Syscall CloneProcess => new("clone", 56, 220);
    public static Syscall Umask => new("umask", 95, 166);
    public static Syscall Prlimit64 => new("prlimit64", 302, 261);
    public static Syscall CloseRange => new("close_range", 436, 436);
    public static Syscall Setgroups => new("setgroups", 116, 159);
    public static Syscall Setresgid => new("setresgid", 119, 149);
    public static Syscall Setresuid => new("setresuid", 117, 147);
    public static Syscall Capset => new("capset", 126, 91);
    public static Syscall Seccomp => new("seccomp", 317, 277);
    public static Syscall Execve => new("execve", 59, 221);
    public static Syscall Execveat => new("execveat", 322, 281);
    public static Syscall ExitGroup => new("exit_group", 231, 94);
    public static Syscall Getpid => new("getpid", 39, 172);
    public static Syscall Getppid => new("getppid", 110, 173);
    public static Syscall Waitid => new("waitid", 247, 95);
    public static Syscall Wait4 => new("wait4", 61, 260);
    public static Syscall Kill => new("kill", 62, 129);
    public static Syscall PidfdOpen => new("pidfd_open", 434, 434);
    public static Syscall PidfdSendSignal => new("pidfd_send_signal", 424, 424);
    public static Syscall PidfdGetfd => new("pidfd_getfd", 438, 438);
    public static Syscall ProcessVmReadv => new("process_vm_readv", 310, 270);
    public static Syscall ProcessVmWritev => new("process_vm_writev", 311, 271);
    public static Syscall Gettid => new("gettid", 186, 178);
    public static Syscall Setpriority => new("setpriority", 141, 140);
    public static Syscall SchedSetaffinity => new("sched_setaffinity", 203, 122);
    public static Syscall IoprioSet => new("ioprio_set", 251, 30);
    public static Syscall Ptrace => new("ptrace", 101, 117);
    public static Syscall MemfdCreate => new("memfd_create", 319, 279);
    public static Syscall Socketpair => new("socketpair", 53, 199);
    public static Syscall Recvmsg => new("recvmsg", 47, 212);
    public static Syscall Newfstatat => new("newfstatat", 262, 79);
    public static Syscall Statx => new("statx", 332, 291);
    public static Syscall LandlockCreateRuleset => new("landlock_create_ruleset", 444, 444);
    public static Syscall LandlockAddRule => new("landlock_add_rule", 445, 445);
    public static Syscall LandlockRestrictSelf => new("landlock_restrict_self", 446, 446);
    public static Syscall Readlinkat => new("readlinkat", 267, 78);

    /// <summary>The number on this machine.</summary>
    public int Number => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? Arm64 : X64;
}

// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>Mounts inside the new root. Targets are resolved there: no link of the image leads out.</summary>
internal static class MountRows
{
    private const int DetachLazily = 2; // MNT_DETACH
    private const ulong Hardened = Libc.MountNoSuid | Libc.MountNoDev | Libc.MountNoExec;

    /// <summary>Attaches a mount; a symbolic link in the last place is not followed.</summary>
    public static void Attach(SyscallProgramme programme, DetachedMount mount, string target) =>
        programme.Add(
            $"mount on {target}", Syscall.MoveMount, mount.Handle.Number(), programme.Text(""), Libc.AtFdCwd,
            programme.Text(target), Libc.MoveMountFromEmptyPath);

    /// <summary>
    /// Attaches a file or directory of a mount: all of it at <paramref name="passingPlace"/> for a moment, and from there
    /// the part. "" is all of it.
    /// </summary>
    public static void AttachPart(
        SyscallProgramme programme, DetachedMount mount, string part, string passingPlace, string target)
    {
        if (part.Length == 0)
        {
            Attach(programme, mount, target);
            return;
        }

        Attach(programme, mount, passingPlace);
        Bind(programme, $"{passingPlace}/{part}", target, $"mount on {target}");
        programme.Add("detach a file system", Syscall.Umount2, programme.Text(passingPlace), DetachLazily);
    }

    /// <summary>/proc of the new pid namespace; where that is forbidden, the host's in its place if there is one.</summary>
    public static void Proc(SyscallProgramme programme, DetachedMount? fallback)
    {
        int row = programme.Add(
            "mount /proc", Syscall.Mount, programme.Text("proc"), programme.Text("/proc"), programme.Text("proc"),
            (nint)Hardened);
        Fallback(programme, row, fallback, "/proc");
    }

    /// <summary>/sys, read-only unless asked otherwise.</summary>
    public static void Sys(SyscallProgramme programme, DetachedMount? fallback, bool isWritable, bool hasCgroup2)
    {
        ulong flags = Hardened | (isWritable ? 0 : Libc.MountReadOnly);
        int row = programme.Add(
            "mount /sys", Syscall.Mount, programme.Text("sysfs"), programme.Text("/sys"), programme.Text("sysfs"),
            (nint)flags);
        Fallback(programme, row, fallback, "/sys");
        if (hasCgroup2)
        {
            programme.Try(
                "mount /sys/fs/cgroup", Syscall.Mount, programme.Text("cgroup2"), programme.Text("/sys/fs/cgroup"),
                programme.Text("cgroup2"), (nint)flags);
        }
    }

    /// <summary>/dev/mqueue of the new ipc namespace.</summary>
    public static void MessageQueues(SyscallProgramme programme) =>
        programme.Try(
            "mount /dev/mqueue", Syscall.Mount, programme.Text("mqueue"), programme.Text("/dev/mqueue"),
            programme.Text("mqueue"), (nint)Hardened);

    /// <summary>
    /// Shows files of a tmpfs one by one at their places: it is attached at <paramref name="passingPlace"/> for a moment,
    /// each file is bound, and it is detached again, so that nothing else of it can be seen.
    /// </summary>
    public static void Files(
        SyscallProgramme programme, DetachedMount files, string passingPlace, IReadOnlyList<string> targets)
    {
        Attach(programme, files, passingPlace);
        for (int i = 0; i < targets.Count; i++)
        {
            string source = string.Create(CultureInfo.InvariantCulture, $"{passingPlace}/{i}");
            Bind(programme, source, targets[i], $"mount on {targets[i]}");
        }

        programme.Add("detach files", Syscall.Umount2, programme.Text(passingPlace), DetachLazily);
    }

    /// <summary>Binds one path of the new root on another.</summary>
    public static void Bind(SyscallProgramme programme, string source, string target, string label) =>
        programme.Add(
            label, Syscall.Mount, programme.Text(source), programme.Text(target), 0, (nint)Libc.MountBind);

    /// <summary>Hides files and directories of /proc and /sys that concern the whole machine.</summary>
    public static void Mask(SyscallProgramme programme)
    {
        foreach (string path in ProtectedPaths.Masked)
        {
            // A file takes the null device, a directory an empty read-only tmpfs; one of the two fails.
            int row = programme.Try(
                $"mask {path}", Syscall.Mount, programme.Text("/dev/null"), programme.Text(path), 0,
                (nint)Libc.MountBind);
            programme.Change(row, r => r with { SkipOnSuccess = 1 });
            programme.Try(
                $"mask {path}", Syscall.Mount, programme.Text("tmpfs"), programme.Text(path), programme.Text("tmpfs"),
                (nint)(Hardened | Libc.MountReadOnly), programme.Text("size=0k"));
        }

        foreach (string path in ProtectedPaths.ReadOnly)
        {
            nint text = programme.Text(path);
            int row = programme.Try(
                $"protect {path}", Syscall.Mount, text, text, 0, (nint)(Libc.MountBind | Libc.MountRecursive));
            programme.Change(row, r => r with { SkipOnError = 1 });
            programme.Add(
                $"protect {path}", Syscall.Mount, 0, text, 0,
                (nint)(Libc.MountRemount | Libc.MountBind | Libc.MountReadOnly | Hardened));
        }
    }

    private static void Fallback(SyscallProgramme programme, int row, DetachedMount? fallback, string target)
    {
        if (fallback is not null)
        {
            programme.Change(row, r => r with { MayFail = true, SkipOnSuccess = 1 });
            Attach(programme, fallback, target);
        }
    }
}

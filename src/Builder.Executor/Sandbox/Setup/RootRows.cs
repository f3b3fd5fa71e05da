// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>Makes the container's file system the root and lets go of the host's.</summary>
internal static class RootRows
{
    /// <summary>
    /// Attaches the root somewhere in the new mount namespace, pivots into it and detaches what was there. From then on
    /// every path is resolved inside the container, whatever links its image has.
    /// </summary>
    /// <param name="programme">The programme.</param>
    /// <param name="root">The root.</param>
    /// <param name="place">A directory of the host to attach it on; nobody outside sees that.</param>
    public static void Pivot(SyscallProgramme programme, DetachedMount root, string place)
    {
        nint empty = programme.Text("");
        nint here = programme.Text(".");
        programme.Add(
            "keep mounts private", Syscall.Mount, programme.Text("none"), programme.Text("/"), 0,
            (nint)(Libc.MountRecursive | Libc.MountPrivate));
        programme.Add(
            "attach the root file system", Syscall.MoveMount, root.Handle.Number(), empty, Libc.AtFdCwd,
            programme.Text(place), Libc.MoveMountFromEmptyPath);
        programme.Add("enter the root file system", Syscall.Fchdir, root.Handle.Number());
        programme.Add("make it the root", Syscall.PivotRoot, here, here);
        programme.Add("detach the host's root", Syscall.Umount2, here, 2 /* MNT_DETACH */);
        programme.Add("enter the root file system", Syscall.Chdir, programme.Text("/"));
    }

    /// <summary>Makes the root read-only; the mounts in it stay as they are.</summary>
    public static void MakeReadOnly(SyscallProgramme programme) =>
        programme.Add(
            "make the root file system read-only", Syscall.Mount, 0, programme.Text("/"), 0,
            (nint)(Libc.MountRemount | Libc.MountBind | Libc.MountReadOnly));
}

// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Executor.Sandbox.Spawning;
using Builder.Solver.Files;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Interop;

/// <summary>The mount calls that work on descriptors, and the namespaces.</summary>
internal static unsafe partial class Libc
{
    public const int AtRecursive = 0x8000;
    public const int OpenTreeClone = 1;
    public const int MoveMountFromEmptyPath = 4;
    public const int MoveMountToEmptyPath = 0x40;
    public const int FsConfigSetFlag = 0;
    public const int FsConfigSetString = 1;
    public const int FsConfigCreate = 6;

    public const ulong MountReadOnly = 1;
    public const ulong MountNoSuid = 2;
    public const ulong MountNoDev = 4;
    public const ulong MountNoExec = 8;
    public const ulong MountRemount = 32;
    public const ulong MountBind = 4096;
    public const ulong MountRecursive = 16384;
    public const ulong MountPrivate = 1 << 18;

    public const ulong CloneNewNs = 0x20000;
    public const ulong CloneNewCgroup = 0x2000000;
    public const ulong CloneNewUts = 0x4000000;
    public const ulong CloneNewIpc = 0x8000000;
    public const ulong CloneNewUser = 0x10000000;
    public const ulong CloneNewPid = 0x20000000;
    public const ulong CloneNewNet = 0x40000000;
    public const ulong CloneFs = 0x200;

    /// <summary>struct mount_attr of mount_setattr(2).</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MountAttributes
    {
        public ulong Set;
        public ulong Clear;
        public ulong Propagation;
        public ulong UserNamespace;
    }

    /// <summary>The number of a descriptor.</summary>
    public static int Number(this SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    /// <summary>A call that gives a new descriptor; null with <see cref="LastErrno"/> when it fails.</summary>
    public static SafeFileHandle? OpenBy(Syscall call, nint a0, nint a1 = 0, nint a2 = 0, nint a3 = 0, nint a4 = 0)
    {
        nint fd;
        do
        {
            fd = SystemCall(call.Number, a0, a1, a2, a3, a4);
        }
        while (fd < 0 && LastErrno == Errno.EINTR);
        return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>Opens a path of the host as a mere reference (O_PATH); null when it is not there.</summary>
    public static SafeFileHandle? ReferToHost(string path)
    {
        fixed (byte* bytes = Terminated(path))
        {
            return OpenBy(Syscall.Openat, AtFdCwd, (nint)bytes, OpenFlags.Path | OpenCloexec);
        }
    }

    /// <summary>A zero-terminated path.</summary>
    public static byte[] Terminated(string path) => [.. PathEncoding.Encode(path), 0];

    /// <summary>Throws for a result below 0.</summary>
    public static nint Check(nint result, string syscall, string? path = null) =>
        result >= 0 ? result : throw new LinuxException(syscall, LastErrno, path);
}

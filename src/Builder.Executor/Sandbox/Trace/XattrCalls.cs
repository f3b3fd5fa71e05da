// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Extended attributes. A step's own are the disk's; capabilities and what else needs root are kept under another name,
/// from which the layer takes them; the names in which this process keeps records do not exist.
/// </summary>
internal sealed class XattrCalls(GuestPaths paths)
{
    private const int ReadBit = 4;
    private const int WriteBit = 2;
    private const int MaxNameBytes = 255;
    private const int MaxValueBytes = 64 * 1024;
    private const int CreateOnly = 1; // XATTR_CREATE
    private const int ReplaceOnly = 2; // XATTR_REPLACE

    /// <summary>getxattr(2) and its kin: (file, name, value, size).</summary>
    public Answer Get(Tracee caller, in Notification call, FileDescriptor? file)
    {
        if (file is null || ReadName(caller, call.A1) is not { } name)
        {
            return Answer.Fail(file is null ? Errno.EBADF : Errno.EFAULT);
        }

        if (StoredName(name) is not { } stored)
        {
            return Answer.Fail(IsHidden(name) ? Errno.ENODATA : Errno.ENOTSUP);
        }

        if (stored == name && paths.Access.Check(caller, file.Value, ReadBit) is var refused and not Errno.None)
        {
            return Answer.Fail(refused);
        }

        byte[]? value = Xattrs.GetHeldWhole(file.Value, name) ?? (stored == name ? null : Xattrs.GetHeldWhole(file.Value, stored));
        return value is null ? Answer.Fail(Errno.ENODATA) : GiveBack(caller, value, call.A2, call.A3);
    }

    /// <summary>setxattr(2) and its kin: (file, name, value, size, flags).</summary>
    public Answer Set(Tracee caller, in Notification call, FileDescriptor? file)
    {
        if (file is null || ReadName(caller, call.A1) is not { } name)
        {
            return Answer.Fail(file is null ? Errno.EBADF : Errno.EFAULT);
        }

        if (paths.Mounts.IsReadOnly(file.Value))
        {
            return Answer.Fail(Errno.EROFS);
        }

        if (StoredName(name) is not { } stored)
        {
            return Answer.Fail(IsHidden(name) ? Errno.EPERM : Errno.ENOTSUP);
        }

        if (stored != name && !caller.Process.Identity.IsPrivileged)
        {
            return Answer.Fail(Errno.EPERM);
        }

        if (paths.Access.Check(caller, file.Value, WriteBit) is var refused and not Errno.None)
        {
            return Answer.Fail(refused);
        }

        if (call.A3 > MaxValueBytes)
        {
            return Answer.Fail(Errno.E2BIG);
        }

        byte[] value = new byte[(int)call.A3];
        if (value.Length > 0 && !TraceeMemory.TryRead(caller.ThreadId, call.A2, value))
        {
            return Answer.Fail(Errno.EFAULT);
        }

        int flags = (int)call.A4;
        bool isThere = flags != 0 && Xattrs.GetHeld(file.Value, stored) is not null;
        if ((flags & CreateOnly) != 0 && isThere)
        {
            return Answer.Fail(Errno.EEXIST);
        }

        if ((flags & ReplaceOnly) != 0 && !isThere)
        {
            return Answer.Fail(Errno.ENODATA);
        }

        return Xattrs.RawSetHeld(file.Value, stored, value) ? Answer.Success : Answer.Fail(Libc.LastErrno);
    }

    /// <summary>listxattr(2) and its kin: (file, list, size).</summary>
    public static Answer List(Tracee caller, in Notification call, FileDescriptor? file)
    {
        if (file is null)
        {
            return Answer.Fail(Errno.EBADF);
        }

        var list = new List<byte>();
        foreach (string stored in Xattrs.ListHeld(file.Value))
        {
            if (LayerXattrs.VisibleName(stored) is { } name)
            {
                list.AddRange(Solver.Files.PathEncoding.Encode(name));
                list.Add(0);
            }
        }

        return GiveBack(caller, [.. list], call.A1, call.A2);
    }

    /// <summary>removexattr(2) and its kin: (file, name).</summary>
    public Answer Remove(Tracee caller, in Notification call, FileDescriptor? file)
    {
        if (file is null || ReadName(caller, call.A1) is not { } name)
        {
            return Answer.Fail(file is null ? Errno.EBADF : Errno.EFAULT);
        }

        if (StoredName(name) is not { } stored)
        {
            return Answer.Fail(IsHidden(name) ? Errno.ENODATA : Errno.ENOTSUP);
        }

        return paths.Mounts.IsReadOnly(file.Value) ? Answer.Fail(Errno.EROFS)
            : stored != name && !caller.Process.Identity.IsPrivileged ? Answer.Fail(Errno.EPERM)
            : paths.Access.Check(caller, file.Value, WriteBit) is var refused and not Errno.None ? Answer.Fail(refused)
            : Xattrs.RawRemoveHeld(file.Value, stored) ? Answer.Success
            : Answer.Fail(Libc.LastErrno);
    }

    /// <summary>The file that a path argument means.</summary>
    public FileDescriptor? Open(Tracee caller, ulong address, bool follow, out Errno errno)
    {
        errno = Errno.EFAULT;
        if (TraceeMemory.ReadPath(caller.ThreadId, address) is not { } path)
        {
            return null;
        }

        errno = paths.Find(caller, Libc.AtFdCwd, path, follow, out Found? found);
        return found?.Release();
    }

    private static Answer GiveBack(Tracee caller, byte[] value, ulong address, ulong size)
    {
        if (size == 0)
        {
            return Answer.Of(value.Length);
        }

        return (ulong)value.Length > size ? Answer.Fail(Errno.ERANGE)
            : value.Length == 0 || TraceeMemory.TryWrite(caller.ThreadId, address, value) ? Answer.Of(value.Length)
            : Answer.Fail(Errno.EFAULT);
    }

    private static string? ReadName(Tracee caller, ulong address) =>
        TraceeMemory.ReadPath(caller.ThreadId, address) is { Length: > 0 and <= MaxNameBytes } name
            ? Encoding.Latin1.GetString(name)
            : null;

    private static bool IsHidden(string name) => LayerXattrs.IsForeign(name);

    // Null for names that are not to be had here: access control lists, labels, overlay's marks.
    private static string? StoredName(string name) =>
        LayerXattrs.IsForeign(name) ? null
        : name.StartsWith("user.", StringComparison.Ordinal) ? name
        : name == LayerXattrs.Capability ? LayerXattrs.ShadowNameOf(name)
        : null;
}

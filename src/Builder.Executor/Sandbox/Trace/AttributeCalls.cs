// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>Calls that change a file's owner, mode, times, length.</summary>
internal sealed unsafe class AttributeCalls(GuestPaths paths, TraceOwners owners)
{
    private const int WriteBit = 2;
    private const int TimesBytes = 32; // two struct timespec, or two struct timeval

    /// <summary>chown(2), lchown(2), fchownat(2).</summary>
    public Answer Chown(Tracee caller, int directory, ulong address, uint user, uint group, int flags) =>
        On(caller, directory, address, flags, (file, status) =>
            owners.Chown(file, status, caller.Process.Identity, user, group));

    /// <summary>fchown(2).</summary>
    public Answer ChownDescriptor(Tracee caller, in Notification call)
    {
        (uint user, uint group) = ((uint)call.A1, (uint)call.A2);
        return OnDescriptor(caller, (int)call.A0, (file, status) =>
            owners.Chown(file, status, caller.Process.Identity, user, group));
    }

    /// <summary>chmod(2), fchmodat(2), fchmodat2(2).</summary>
    public Answer Chmod(Tracee caller, int directory, ulong address, int mode, int flags) =>
        On(caller, directory, address, flags, (file, status) =>
            owners.Chmod(file, status, caller.Process.Identity, mode));

    /// <summary>fchmod(2).</summary>
    public Answer ChmodDescriptor(Tracee caller, in Notification call)
    {
        int mode = (int)call.A1;
        return OnDescriptor(caller, (int)call.A0, (file, status) =>
            owners.Chmod(file, status, caller.Process.Identity, mode));
    }

    /// <summary>utimensat(2): nanoseconds.</summary>
    public Answer SetTimes(Tracee caller, int directory, ulong address, ulong times, int flags)
    {
        Span<byte> given = stackalloc byte[TimesBytes];
        return times != 0 && !TraceeMemory.TryRead(caller.ThreadId, times, given)
            ? Answer.Fail(Errno.EFAULT)
            : SetTimes(caller, directory, address, times == 0 ? [] : given, flags);
    }

    /// <summary>utimes(2), futimesat(2): microseconds.</summary>
    public Answer SetMicroTimes(Tracee caller, int directory, ulong address, ulong times)
    {
        Span<byte> given = stackalloc byte[TimesBytes];
        if (times == 0)
        {
            return SetTimes(caller, directory, address, [], 0);
        }

        if (!TraceeMemory.TryRead(caller.ThreadId, times, given))
        {
            return Answer.Fail(Errno.EFAULT);
        }

        fixed (byte* bytes = given)
        {
            ((long*)bytes)[1] *= 1000;
            ((long*)bytes)[3] *= 1000;
        }

        return SetTimes(caller, directory, address, given, 0);
    }

    /// <summary>utime(2): seconds.</summary>
    public Answer SetSeconds(Tracee caller, in Notification call)
    {
        if (call.A1 == 0)
        {
            return SetTimes(caller, Libc.AtFdCwd, call.A0, [], 0);
        }

        Span<byte> given = stackalloc byte[16];
        if (!TraceeMemory.TryRead(caller.ThreadId, call.A1, given))
        {
            return Answer.Fail(Errno.EFAULT);
        }

        Span<byte> times = stackalloc byte[TimesBytes];
        times.Clear();
        given[..8].CopyTo(times);
        given[8..].CopyTo(times[16..]);
        return SetTimes(caller, Libc.AtFdCwd, call.A0, times, 0);
    }

    /// <summary>truncate(2).</summary>
    public Answer Truncate(Tracee caller, in Notification call)
    {
        long length = (long)call.A1;
        return On(caller, Libc.AtFdCwd, call.A0, 0, (file, status) =>
        {
            if (status.IsDirectory)
            {
                return Errno.EISDIR;
            }

            if (paths.Access.Check(caller, file, status, WriteBit) is var refused and not Errno.None)
            {
                return refused;
            }

            long opened = HostCall.Reopen(file, OpenFlags.WriteOnly | OpenFlags.NonBlock);
            if (opened < 0)
            {
                return (Errno)(-opened);
            }

            using var writable = new FileDescriptor((int)opened);
            return (Errno)(-HostCall.Invoke(CallNumbers.Ftruncate, writable.Value, (nint)length));
        });
    }

    private Answer SetTimes(Tracee caller, int directory, ulong address, ReadOnlySpan<byte> times, int flags)
    {
        byte[]? values = times.IsEmpty ? null : times.ToArray();

        // Without a path: of an open file.
        return address == 0 && directory != Libc.AtFdCwd
            ? OnDescriptor(caller, directory, SetTimesOf)
            : On(caller, directory, address, flags, SetTimesOf);

        Errno SetTimesOf(int file, FileStatus status)
        {
            if (!paths.Access.Owns(caller, file, status))
            {
                if (values is not null)
                {
                    return Errno.EPERM;
                }

                if (paths.Access.Check(caller, file, status, WriteBit) is var refused and not Errno.None)
                {
                    return refused;
                }
            }

            fixed (byte* pointer = values)
            {
                return (Errno)(-HostCall.At(CallNumbers.Utimensat, file, [], (nint)pointer, Libc.AtEmptyPath));
            }
        }
    }

    private Answer On(
        Tracee caller, int directory, ulong address, int flags, Func<int, FileStatus, Errno> action)
    {
        if (TraceeMemory.ReadPath(caller.ThreadId, address) is not { } path)
        {
            return Answer.Fail(Errno.EFAULT);
        }

        if (path.Length == 0 && (flags & Libc.AtEmptyPath) != 0)
        {
            return OnDescriptor(caller, directory, action);
        }

        Errno errno = paths.Find(caller, directory, path, (flags & Libc.AtSymlinkNoFollow) == 0, out Found? found);
        using (found)
        {
            return errno == Errno.None ? Apply(found!.File, found.Status, action) : Answer.Fail(errno);
        }
    }

    private Answer OnDescriptor(Tracee caller, int descriptor, Func<int, FileStatus, Errno> action)
    {
        using FileDescriptor? file = GuestPaths.OpenDescriptor(caller, descriptor);
        return file is null || HostCall.Status(file.Value, out FileStatus status) < 0
            ? Answer.Fail(Errno.EBADF)
            : Apply(file.Value, status, action);
    }

    private Answer Apply(int file, in FileStatus status, Func<int, FileStatus, Errno> action)
    {
        if (status.IsDirectory)
        {
            paths.Access.Forget();
        }

        Errno errno = paths.Mounts.IsReadOnly(file) ? Errno.EROFS : action(file, status);
        return errno == Errno.None ? Answer.Success : Answer.Fail(errno);
    }
}

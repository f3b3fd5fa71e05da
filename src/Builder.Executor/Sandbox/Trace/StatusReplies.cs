// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;
using Builder.Solver.Files;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>The stat family, access(2) and statfs(2).</summary>
internal sealed unsafe class StatusReplies(GuestPaths paths, TraceOwners owners)
{
    private const int StatBytes = 144; // struct stat of x86-64
    private const int StatxBytes = 256;
    private const int StatfsBytes = 120;
    private const int EffectiveIds = 0x200; // AT_EACCESS
    private const int SyncFlags = 0x6000; // AT_STATX_SYNC_TYPE
    private const int WantsWrite = 2;

    /// <summary>stat(2), lstat(2).</summary>
    public Answer Stat(Tracee caller, in Notification call, bool follow) =>
        StatPath(caller, Libc.AtFdCwd, call.A0, call.A1, follow);

    /// <summary>fstat(2).</summary>
    public Answer StatDescriptor(Tracee caller, in Notification call) =>
        (int)call.A0 < 0 ? Answer.Fail(Errno.EBADF) : StatHeld(caller, (int)call.A0, call.A1);

    /// <summary>newfstatat(2).</summary>
    public Answer StatAt(Tracee caller, in Notification call)
    {
        int flags = (int)call.A3;
        return (flags & Libc.AtEmptyPath) != 0 && IsEmpty(caller, call.A1)
            ? StatHeld(caller, (int)call.A0, call.A2)
            : StatPath(caller, (int)call.A0, call.A1, call.A2, (flags & Libc.AtSymlinkNoFollow) == 0);
    }

    /// <summary>statx(2).</summary>
    public Answer StatX(Tracee caller, in Notification call)
    {
        int flags = (int)call.A2;
        Errno errno = Open(
            caller, (int)call.A0, call.A1, flags, (flags & Libc.AtSymlinkNoFollow) == 0, out FileDescriptor? file);
        using (file)
        {
            if (errno != Errno.None)
            {
                return Answer.Fail(errno);
            }

            byte* buffer = stackalloc byte[StatxBytes];
            long result = HostCall.At(
                CallNumbers.Statx, file!.Value, [], Libc.AtEmptyPath | (flags & SyncFlags), (nint)call.A3, (nint)buffer);
            if (result < 0)
            {
                return Answer.Of(result);
            }

            if (HostCall.Status(file.Value, out FileStatus known) < 0)
            {
                return Answer.Fail(Errno.EIO);
            }

            RecordedAttributes seen = owners.Read(file.Value, known);
            var status = new Span<byte>(buffer, StatxBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(status[20..], seen.UserId);
            BinaryPrimitives.WriteUInt32LittleEndian(status[24..], seen.GroupId);
            BinaryPrimitives.WriteUInt16LittleEndian(status[28..], (ushort)RawMode(seen, known));
            if (IsRecordedDevice(seen, known))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(status[128..], seen.DeviceMajor);
                BinaryPrimitives.WriteUInt32LittleEndian(status[132..], seen.DeviceMinor);
            }

            return TraceeMemory.TryWrite(caller.ThreadId, call.A4, status) ? Answer.Success : Answer.Fail(Errno.EFAULT);
        }
    }

    /// <summary>access(2), faccessat(2), faccessat2(2).</summary>
    public Answer Access(Tracee caller, int directory, ulong address, int mode, int flags)
    {
        Errno errno = Open(
            caller, directory, address, flags, (flags & Libc.AtSymlinkNoFollow) == 0, out FileDescriptor? file);
        using (file)
        {
            if (errno != Errno.None)
            {
                return Answer.Fail(errno);
            }

            if (mode == 0 || HostCall.Status(file!.Value, out FileStatus status) < 0)
            {
                return Answer.Success;
            }

            if ((mode & WantsWrite) != 0 && paths.Mounts.IsReadOnly(file.Value))
            {
                return Answer.Fail(Errno.EROFS);
            }

            if (!owners.IsOurs(status))
            {
                return Answer.Of(HostCall.AtHeld(CallNumbers.Faccessat, file.Value, mode));
            }

            FakeIdentity identity = caller.Process.Identity;
            if ((flags & EffectiveIds) == 0)
            {
                identity = identity with
                {
                    User = IdTriple.Of(identity.User.Real),
                    Group = IdTriple.Of(identity.Group.Real),
                };
            }

            return TraceOwners.MayAccess(owners.Read(file.Value, status), identity, mode)
                ? Answer.Success
                : Answer.Fail(Errno.EACCES);
        }
    }

    /// <summary>statfs(2).</summary>
    public Answer StatFileSystem(Tracee caller, in Notification call)
    {
        Errno errno = Open(caller, Libc.AtFdCwd, call.A0, 0, follow: true, out FileDescriptor? file);
        using (file)
        {
            if (errno != Errno.None)
            {
                return Answer.Fail(errno);
            }

            byte* buffer = stackalloc byte[StatfsBytes];
            long result = HostCall.Invoke(CallNumbers.Fstatfs, file!.Value, (nint)buffer);
            return result < 0 ? Answer.Of(result)
                : TraceeMemory.TryWrite(caller.ThreadId, call.A1, new Span<byte>(buffer, StatfsBytes)) ? Answer.Success
                : Answer.Fail(Errno.EFAULT);
        }
    }

    // struct stat of x86-64 from struct statx and what is recorded.
    private static void Format(in FileStatus known, in RecordedAttributes seen, Span<byte> status)
    {
        ReadOnlySpan<byte> raw = MemoryMarshal.AsBytes(new ReadOnlySpan<FileStatus>(in known));
        bool isRecorded = IsRecordedDevice(seen, known);
        status.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(status, DeviceNumber(known.HolderMajor, known.HolderMinor));
        BinaryPrimitives.WriteUInt64LittleEndian(status[8..], known.Inode);
        BinaryPrimitives.WriteUInt64LittleEndian(status[16..], known.LinkCount);
        BinaryPrimitives.WriteUInt32LittleEndian(status[24..], (uint)RawMode(seen, known));
        BinaryPrimitives.WriteUInt32LittleEndian(status[28..], seen.UserId);
        BinaryPrimitives.WriteUInt32LittleEndian(status[32..], seen.GroupId);
        BinaryPrimitives.WriteUInt64LittleEndian(
            status[40..],
            isRecorded
                ? DeviceNumber(seen.DeviceMajor, seen.DeviceMinor)
                : DeviceNumber(known.DeviceMajor, known.DeviceMinor));
        BinaryPrimitives.WriteInt64LittleEndian(status[48..], known.Size);
        raw.Slice(4, 4).CopyTo(status[56..]); // stx_blksize
        BinaryPrimitives.WriteInt64LittleEndian(status[64..], known.Blocks);
        raw.Slice(64, 12).CopyTo(status[72..]); // stx_atime
        raw.Slice(112, 12).CopyTo(status[88..]); // stx_mtime
        raw.Slice(96, 12).CopyTo(status[104..]); // stx_ctime
    }

    private static ulong DeviceNumber(uint major, uint minor) =>
        ((ulong)(major & 0xFFF) << 8) | (minor & 0xFF) | ((ulong)(minor & ~0xFFu) << 12);

    private static bool IsEmpty(Tracee caller, ulong address)
    {
        Span<byte> first = stackalloc byte[1];
        return address == 0 || (TraceeMemory.TryRead(caller.ThreadId, address, first) && first[0] == 0);
    }

    private static bool IsRecordedDevice(in RecordedAttributes seen, in FileStatus status) =>
        seen.Kind != status.Kind && seen.Kind is FileKind.CharacterDevice or FileKind.BlockDevice;

    private static int RawMode(in RecordedAttributes seen, in FileStatus status) => seen.Mode | (seen.Kind switch
    {
        FileKind.CharacterDevice => FileType.CharacterDevice,
        FileKind.BlockDevice => FileType.BlockDevice,
        _ => status.RawMode & FileType.Mask,
    });

    private Errno Open(
        Tracee caller, int directory, ulong address, int flags, bool follow, out FileDescriptor? file)
    {
        file = null;
        if ((flags & Libc.AtEmptyPath) != 0 && IsEmpty(caller, address))
        {
            file = GuestPaths.OpenDescriptor(caller, directory);
            return file is null ? Errno.EBADF : Errno.None;
        }

        if (TraceeMemory.ReadPath(caller.ThreadId, address) is not { } path)
        {
            return Errno.EFAULT;
        }

        Errno errno = paths.Find(caller, directory, path, follow, out Found? found);
        file = found?.Release();
        return errno;
    }

    private Answer StatPath(Tracee caller, int directory, ulong address, ulong result, bool follow)
    {
        Errno errno = Open(caller, directory, address, 0, follow, out FileDescriptor? file);
        using (file)
        {
            return errno == Errno.None ? WriteStatus(caller, file!.Value, result) : Answer.Fail(errno);
        }
    }

    private Answer StatHeld(Tracee caller, int descriptor, ulong result)
    {
        using FileDescriptor? file = GuestPaths.OpenDescriptor(caller, descriptor);
        return file is null ? Answer.Fail(Errno.EBADF) : WriteStatus(caller, file.Value, result);
    }

    private Answer WriteStatus(Tracee caller, int file, ulong address)
    {
        long result = HostCall.Status(file, out FileStatus known);
        if (result < 0)
        {
            return Answer.Of(result);
        }

        RecordedAttributes seen = owners.Read(file, known);
        Span<byte> status = stackalloc byte[StatBytes];
        Format(known, seen, status);
        return TraceeMemory.TryWrite(caller.ThreadId, address, status) ? Answer.Success : Answer.Fail(Errno.EFAULT);
    }
}

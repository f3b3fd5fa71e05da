// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Builder.Solver.Files;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>The stat family: shows recorded owners, modes and devices; files without a record are left to the kernel.</summary>
internal sealed unsafe class StatusCalls(TraceePaths paths)
{
    private const int StatxBytes = 256;

    private static readonly bool s_isArm64 = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>stat(2), lstat(2).</summary>
    public Answer Stat(in Notification call, bool followLast) =>
        AnswerFor(call, Libc.AtFdCwd, call.A0, call.A1, followLast);

    /// <summary>fstat(2).</summary>
    public static Answer StatDescriptor(in Notification call)
    {
        using FileDescriptor? file = TraceePaths.OpenDescriptor(call.ThreadId, (int)call.A0);
        return file is null ? Answer.Continue : WriteStat(call, file, call.A1);
    }

    /// <summary>newfstatat(2).</summary>
    public Answer StatAt(in Notification call)
    {
        int flags = (int)call.A3;
        if ((flags & Libc.AtEmptyPath) != 0 && IsEmptyPath(call, call.A1))
        {
            using FileDescriptor? file = TraceePaths.OpenDescriptor(call.ThreadId, (int)call.A0);
            return file is null ? Answer.Continue : WriteStat(call, file, call.A2);
        }

        return AnswerFor(call, (int)call.A0, call.A1, call.A2, (flags & Libc.AtSymlinkNoFollow) == 0);
    }

    /// <summary>statx(2).</summary>
    public Answer StatX(in Notification call)
    {
        int flags = (int)call.A2;
        using FileDescriptor? file = (flags & Libc.AtEmptyPath) != 0 && IsEmptyPath(call, call.A1)
            ? TraceePaths.OpenDescriptor(call.ThreadId, (int)call.A0)
            : Open(call, (int)call.A0, call.A1, (flags & Libc.AtSymlinkNoFollow) == 0);
        if (file is null || FindRecord(file) is not { } record)
        {
            return Answer.Continue;
        }

        byte* buffer = stackalloc byte[StatxBytes];
        fixed (byte* empty = Libc.Terminated(""))
        {
            if (Libc.SystemCall(
                Syscall.Statx.Number, file.Value, (nint)empty, Libc.AtEmptyPath | (flags & 0x6000 /* AT_STATX_* */),
                (nint)call.A3, (nint)buffer) < 0)
            {
                return Answer.Continue;
            }
        }

        var status = new Span<byte>(buffer, StatxBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(status[20..], record.UserId);
        BinaryPrimitives.WriteUInt32LittleEndian(status[24..], record.GroupId);
        BinaryPrimitives.WriteUInt16LittleEndian(status[28..], (ushort)RawMode(record));
        if (IsDevice(record))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(status[128..], record.DeviceMajor);
            BinaryPrimitives.WriteUInt32LittleEndian(status[132..], record.DeviceMinor);
        }

        return TraceeMemory.TryWrite(call.ThreadId, call.A4, status) ? Answer.Success : Answer.Continue;
    }

    private static bool IsEmptyPath(in Notification call, ulong address)
    {
        Span<byte> first = stackalloc byte[1];
        return address == 0 || (TraceeMemory.TryRead(call.ThreadId, address, first) && first[0] == 0);
    }

    private Answer AnswerFor(in Notification call, int directory, ulong path, ulong result, bool followLast)
    {
        using FileDescriptor? file = Open(call, directory, path, followLast);
        return file is null ? Answer.Continue : WriteStat(call, file, result);
    }

    private FileDescriptor? Open(in Notification call, int directory, ulong address, bool followLast) =>
        TraceeMemory.ReadPath(call.ThreadId, address) is { } path
            ? paths.Resolve(call.ThreadId, directory, path, followLast)
            : null;

    private static RecordedAttributes? FindRecord(FileDescriptor file) =>
        AtCalls.TryStat(file.Value, [], out FileStatus status) ? OwnerStore.FindHeld(file.Value, status) : null;

    // struct stat differs between the two machines.
    private static Answer WriteStat(in Notification call, FileDescriptor file, ulong address)
    {
        if (FindRecord(file) is not { } record)
        {
            return Answer.Continue;
        }

        int length = s_isArm64 ? 128 : 144;
        byte* buffer = stackalloc byte[length];
        fixed (byte* empty = Libc.Terminated(""))
        {
            if (Libc.SystemCall(Syscall.Newfstatat.Number, file.Value, (nint)empty, (nint)buffer, Libc.AtEmptyPath) < 0)
            {
                return Answer.Continue;
            }
        }

        var status = new Span<byte>(buffer, length);
        int mode = s_isArm64 ? 16 : 24;
        int user = s_isArm64 ? 24 : 28;
        int device = s_isArm64 ? 32 : 40;
        BinaryPrimitives.WriteUInt32LittleEndian(status[mode..], (uint)RawMode(record));
        BinaryPrimitives.WriteUInt32LittleEndian(status[user..], record.UserId);
        BinaryPrimitives.WriteUInt32LittleEndian(status[(user + 4)..], record.GroupId);
        if (IsDevice(record))
        {
            ulong number = ((ulong)(record.DeviceMajor & 0xFFF) << 8) | (record.DeviceMinor & 0xFF)
                | ((ulong)(record.DeviceMinor & ~0xFFu) << 12);
            BinaryPrimitives.WriteUInt64LittleEndian(status[device..], number);
        }

        return TraceeMemory.TryWrite(call.ThreadId, address, status) ? Answer.Success : Answer.Continue;
    }

    private static bool IsDevice(in RecordedAttributes record) =>
        record.Kind is FileKind.CharacterDevice or FileKind.BlockDevice;

    private static int RawMode(in RecordedAttributes record) => record.Mode | record.Kind switch
    {
        FileKind.Directory => FileType.Directory,
        FileKind.CharacterDevice => FileType.CharacterDevice,
        FileKind.BlockDevice => FileType.BlockDevice,
        _ => FileType.Regular,
    };
}

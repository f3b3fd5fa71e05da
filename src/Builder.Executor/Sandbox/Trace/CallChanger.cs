// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Changes the calls that a process must make itself: what they get instead of the step's paths are short paths in the
/// directory of <see cref="ExecutableImages"/>, written where nobody uses the process's memory.
/// </summary>
internal sealed class CallChanger(
    GuestPaths paths, ExecutableImages images, ExecutionPlanner planner, TraceOwners owners)
{
    private const int FamilyUnix = 1;
    private const int AddressBytes = 110; // struct sockaddr_un
    private const int AddressPathBytes = 108;
    private const int MessageBytes = 56; // struct msghdr
    private const int MultipleMessageBytes = 64; // struct mmsghdr
    private const int StackLimitBytes = 4096;
    private const int PlaceProtection = 3; // PROT_READ | PROT_WRITE
    private const int PlaceFlags = 0x22; // MAP_PRIVATE | MAP_ANONYMOUS
    private const int MaxMessages = 1024;
    private const ulong CloneVm = 0x100;
    private const ulong CloneVfork = 0x4000;
    private const int CallVfork = 58;
    private const int CallFork = 57;

    private readonly SocketNames _names = new();

    /// <summary>What a new process or thread shares with its maker.</summary>
    public static ulong CloneFlags(in TraceRegisters registers) => registers.Number switch
    {
        CallFork => 0,
        CallVfork => CloneVm | CloneVfork,
        _ => registers.Rdi,
    };

    /// <summary>
    /// Changes a call's registers; gives what is to be put back after it, or null when the call goes on as it is or,
    /// with the number -1, is left out.
    /// </summary>
    public ChangedCall? Change(Tracee thread, ref TraceRegisters registers)
    {
        int number = registers.Number;
        try
        {
            if (number == CallNumbers.Execve || number == CallNumbers.Execveat)
            {
                return ChangeExecution(thread, ref registers, number == CallNumbers.Execveat);
            }

            if (number == CallNumbers.Connect || number == CallNumbers.Bind)
            {
                return ChangeAddress(thread, ref registers, 1, number == CallNumbers.Bind);
            }

            if (number == CallNumbers.Getsockname || number == CallNumbers.Getpeername)
            {
                return SocketNames.RoomFor(thread, registers) is > 0 and int room
                    ? new ChangedCall(registers, 0, thread.Process.Memory, NameRoom: room)
                    : null;
            }

            return number == CallNumbers.Sendto ? ChangeAddress(thread, ref registers, 4, isBind: false)
                : number == CallNumbers.Sendmsg ? ChangeMessage(thread, ref registers)
                : number == CallNumbers.Sendmmsg ? CheckMessages(thread, ref registers)
                : number == CallNumbers.InotifyAddWatch ? ChangeWatch(thread, ref registers)
                : null;
        }
        catch (LinuxException failure)
        {
            return Fail(ref registers, failure.Errno);
        }
    }

    /// <summary>The registers after a changed call.</summary>
    public TraceRegisters After(Tracee thread, ChangedCall changed, in TraceRegisters now)
    {
        TraceRegisters after = changed.Before;
        if (changed.MakesPlaces)
        {
            if (now.Result is >= 0 or < -4095)
            {
                if (changed.LargeBytes > 0)
                {
                    thread.Process.Memory.LargePlace = (now.Rax, changed.LargeBytes);
                }

                for (int i = 0; changed.LargeBytes == 0 && i < AddressSpace.PlacesAtOnce; i++)
                {
                    thread.Process.Memory.Places.Push(now.Rax + (ulong)(i * AddressSpace.PlaceBytes));
                }

                after.Repeat();
            }
            else
            {
                after.Result = now.Result;
            }

            return after;
        }

        if (changed.Executable is not null && now.Result == -(long)Errno.ETXTBSY)
        {
            after.Repeat(); // another child holds the copy open, until it executes
            return after;
        }

        if (changed.NameRoom > 0 && now.Result == 0)
        {
            _names.Restore(thread, changed.Before, changed.NameRoom);
        }

        after.Rax = now.Rax;
        after.OriginalRax = now.OriginalRax;
        after.Rcx = now.Rcx;
        after.R11 = now.R11;
        return after;
    }

    /// <summary>Gives the place in the memory back.</summary>
    public static void GiveBack(ChangedCall changed)
    {
        if (changed.Place != 0)
        {
            changed.Memory.Places.Push(changed.Place);
        }
    }

    private static ChangedCall? Fail(ref TraceRegisters registers, Errno errno)
    {
        registers.Number = -1;
        registers.Result = -(long)errno;
        return null;
    }

    private ChangedCall? ChangeExecution(Tracee thread, ref TraceRegisters registers, bool isAt)
    {
        int shift = isAt ? 1 : 0;
        int directory = isAt ? (int)registers.Argument(0) : Libc.AtFdCwd;
        int flags = isAt ? (int)registers.Argument(4) : 0;
        if (TraceeMemory.ReadPath(thread.ThreadId, registers.Argument(shift)) is not { } path)
        {
            return Fail(ref registers, Errno.EFAULT);
        }

        Errno errno = planner.Plan(thread, directory, path, flags, out ExecutionPlan? plan);
        if (errno != Errno.None)
        {
            return Fail(ref registers, errno);
        }

        ulong arguments = registers.Argument(shift + 1);
        ulong environment = registers.Argument(shift + 2);
        List<ulong>? pointers = null;
        if (plan!.Leading.Count > 0)
        {
            pointers = ReadPointers(thread, arguments);
            if (pointers is null)
            {
                return Fail(ref registers, Errno.EFAULT);
            }
        }

        byte[] image = Solver.Files.PathEncoding.Encode(plan.ImagePath);
        int strings = image.Length + 1 + plan.Leading.Sum(text => text.Length + 1);
        int count = pointers is null ? 0 : plan.Leading.Count + Math.Max(pointers.Count - 1, 0) + 1;
        int size = (strings + 15 & ~15) + count * sizeof(ulong);
        if (TryTakePlace(thread, ref registers, size, out ulong address, out ulong place) is { } makesPlaces)
        {
            return makesPlaces;
        }

        TraceRegisters before = registers;
        byte[] content = new byte[size];
        ulong argumentsAt = address + (ulong)(strings + 15 & ~15);
        image.CopyTo(content, 0);
        int position = image.Length + 1;
        int slot = (int)(argumentsAt - address);
        foreach (byte[] text in plan.Leading)
        {
            text.CopyTo(content, position);
            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(slot), address + (ulong)position);
            position += text.Length + 1;
            slot += sizeof(ulong);
        }

        for (int i = 1; pointers is not null && i < pointers.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(slot), pointers[i]);
            slot += sizeof(ulong);
        }

        if (!TraceeMemory.TryWrite(thread.ThreadId, address, content))
        {
            return Fail(ref registers, Errno.EFAULT);
        }

        registers.Number = CallNumbers.Execve;
        registers.SetArgument(0, address);
        registers.SetArgument(1, pointers is null ? arguments : argumentsAt);
        registers.SetArgument(2, environment);
        return new ChangedCall(before, place, thread.Process.Memory, plan.Executable);
    }

    private static List<ulong>? ReadPointers(Tracee thread, ulong address)
    {
        var pointers = new List<ulong>();
        if (address == 0)
        {
            return pointers;
        }

        byte[] page = new byte[4096];
        while (true)
        {
            int count = (int)(4096 - (address & 4095)) & ~7;
            count = count == 0 ? 8 : count;
            if (!TraceeMemory.TryRead(thread.ThreadId, address, page.AsSpan(0, count)))
            {
                return null;
            }

            for (int i = 0; i < count; i += 8)
            {
                ulong pointer = BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(i));
                if (pointer == 0)
                {
                    return pointers;
                }

                pointers.Add(pointer);
            }

            address += (ulong)count;
        }
    }

    // Memory that is one thread's own has room below its stack; other memory gets places of its own, made by a call that
    // the thread makes before the one it wants to make.
    private static ChangedCall? TryTakePlace(
        Tracee thread, ref TraceRegisters registers, int size, out ulong address, out ulong place)
    {
        place = 0;
        AddressSpace memory = thread.Process.Memory;
        if (memory.Users == 1 && size <= StackLimitBytes)
        {
            address = registers.Rsp - TraceRegisters.RedZoneBytes - (ulong)size & ~15UL;
            return null;
        }

        bool isLarge = size > AddressSpace.PlaceBytes;
        if (!isLarge && memory.Places.TryPop(out address))
        {
            place = address;
            return null;
        }

        if (isLarge && memory.LargePlace is { } large && large.Bytes >= size)
        {
            address = large.Address;
            return null;
        }

        address = 0;
        TraceRegisters before = registers;
        int bytes = isLarge ? size + 4095 & ~4095 : AddressSpace.PlaceBytes * AddressSpace.PlacesAtOnce;
        registers.Number = CallNumbers.Mmap;
        registers.SetArgument(0, 0);
        registers.SetArgument(1, (ulong)bytes);
        registers.SetArgument(2, PlaceProtection);
        registers.SetArgument(3, PlaceFlags);
        registers.SetArgument(4, ulong.MaxValue);
        registers.SetArgument(5, 0);
        return new ChangedCall(before, 0, memory, MakesPlaces: true, LargeBytes: isLarge ? bytes : 0);
    }

    private ChangedCall? ChangeAddress(Tracee thread, ref TraceRegisters registers, int argument, bool isBind)
    {
        ulong address = registers.Argument(argument);
        int length = (int)registers.Argument(argument + 1);
        Errno errno = Translate(thread, address, length, isBind, out byte[]? translated);
        if (errno != Errno.None)
        {
            return Fail(ref registers, errno);
        }

        if (translated is null)
        {
            return null;
        }

        if (TryTakePlace(thread, ref registers, translated.Length, out ulong at, out ulong place) is { } makesPlaces)
        {
            return makesPlaces;
        }

        TraceRegisters before = registers;
        if (!TraceeMemory.TryWrite(thread.ThreadId, at, translated))
        {
            return Fail(ref registers, Errno.EFAULT);
        }

        registers.SetArgument(argument, at);
        registers.SetArgument(argument + 1, (ulong)translated.Length);
        return new ChangedCall(before, place, thread.Process.Memory);
    }

    // Null for addresses that are no paths.
    private Errno Translate(Tracee thread, ulong address, int length, bool isBind, out byte[]? translated)
    {
        translated = null;
        byte[] given = new byte[AddressBytes];
        if (address == 0 || length <= sizeof(ushort))
        {
            return Errno.None;
        }

        Span<byte> name = given.AsSpan(0, Math.Min(length, AddressBytes));
        if (!TraceeMemory.TryRead(thread.ThreadId, address, name))
        {
            return Errno.EFAULT;
        }

        if (BinaryPrimitives.ReadUInt16LittleEndian(name) != FamilyUnix || name[2] == 0)
        {
            return Errno.None;
        }

        ReadOnlySpan<byte> path = name[2..];
        int end = path.IndexOf((byte)0);
        path = end < 0 ? path : path[..end];
        string? link;
        byte[] last = [];
        if (isBind)
        {
            Errno errno = paths.FindEntry(thread, Libc.AtFdCwd, path, out Entry? entry);
            using (entry)
            {
                if (errno != Errno.None)
                {
                    return errno;
                }

                if (paths.Mounts.IsReadOnly(entry!.Directory))
                {
                    return Errno.EROFS;
                }

                link = HostCall.PathOf(entry.Directory) is { } directory ? images.LinkTo(directory) : null;
                last = [(byte)'/', .. entry.Name];
            }
        }
        else
        {
            Errno errno = paths.Find(thread, Libc.AtFdCwd, path, follow: true, out Found? found);
            using (found)
            {
                if (errno != Errno.None)
                {
                    return errno;
                }

                link = HostCall.PathOf(found!.File) is { } file ? images.LinkTo(file) : null;
            }
        }

        if (link is null)
        {
            return Errno.ENOENT;
        }

        byte[] text = [.. Solver.Files.PathEncoding.Encode(link), .. last, 0];
        if (text.Length > AddressPathBytes)
        {
            return Errno.ENAMETOOLONG;
        }

        if (isBind)
        {
            _names.Remember(text.AsSpan(..^1), path);
        }

        translated = [FamilyUnix, 0, .. text];
        return Errno.None;
    }

    private ChangedCall? ChangeMessage(Tracee thread, ref TraceRegisters registers)
    {
        byte[] message = new byte[MessageBytes];
        if (!TraceeMemory.TryRead(thread.ThreadId, registers.Argument(1), message))
        {
            return null; // the kernel says so
        }

        Errno errno = Translate(
            thread, BinaryPrimitives.ReadUInt64LittleEndian(message), BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(8)),
            isBind: false, out byte[]? translated);
        if (errno != Errno.None || translated is null)
        {
            return errno == Errno.None ? null : Fail(ref registers, errno);
        }

        int size = MessageBytes + translated.Length;
        if (TryTakePlace(thread, ref registers, size, out ulong at, out ulong place) is { } makesPlaces)
        {
            return makesPlaces;
        }

        TraceRegisters before = registers;
        BinaryPrimitives.WriteUInt64LittleEndian(message, at + MessageBytes);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(8), translated.Length);
        if (!TraceeMemory.TryWrite(thread.ThreadId, at, (byte[])[.. message, .. translated]))
        {
            return Fail(ref registers, Errno.EFAULT);
        }

        registers.SetArgument(1, at);
        return new ChangedCall(before, place, thread.Process.Memory);
    }

    // Many messages at once to sockets with paths: nobody does that; it fails instead of reaching the machine's.
    private ChangedCall? CheckMessages(Tracee thread, ref TraceRegisters registers)
    {
        byte[] message = new byte[MessageBytes];
        ulong count = Math.Min(registers.Argument(2) & uint.MaxValue, MaxMessages);
        for (ulong i = 0; i < count; i++)
        {
            if (!TraceeMemory.TryRead(thread.ThreadId, registers.Argument(1) + i * MultipleMessageBytes, message))
            {
                return null;
            }

            Errno errno = Translate(
                thread, BinaryPrimitives.ReadUInt64LittleEndian(message),
                BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(8)), isBind: false, out byte[]? translated);
            if (errno != Errno.None || translated is not null)
            {
                return Fail(ref registers, Errno.ENOTSUP);
            }
        }

        return null;
    }

    private ChangedCall? ChangeWatch(Tracee thread, ref TraceRegisters registers)
    {
        const uint NotThroughLinks = 0x02000000; // IN_DONT_FOLLOW
        if (TraceeMemory.ReadPath(thread.ThreadId, registers.Argument(1)) is not { } path)
        {
            return Fail(ref registers, Errno.EFAULT);
        }

        bool follow = (registers.Argument(2) & NotThroughLinks) == 0;
        Errno errno = paths.Find(thread, Libc.AtFdCwd, path, follow, out Found? found);
        using (found)
        {
            if (errno != Errno.None)
            {
                return Fail(ref registers, errno);
            }

            if (!owners.IsOurs(found!.Status) || HostCall.PathOf(found.File) is not { } file
                || images.LinkTo(file) is not { } link || !follow)
            {
                return Fail(ref registers, Errno.EACCES);
            }

            byte[] text = [.. Solver.Files.PathEncoding.Encode(link), 0];
            if (TryTakePlace(thread, ref registers, text.Length, out ulong at, out ulong place) is { } makesPlaces)
            {
                return makesPlaces;
            }

            TraceRegisters before = registers;
            if (!TraceeMemory.TryWrite(thread.ThreadId, at, text))
            {
                return Fail(ref registers, Errno.EFAULT);
            }

            registers.SetArgument(1, at);
            return new ChangedCall(before, place, thread.Process.Memory);
        }
    }
}

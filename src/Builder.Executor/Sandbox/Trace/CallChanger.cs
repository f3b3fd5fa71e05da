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
    GuestPaths paths, ExecutableImages images, ExecutionPlanner planner, SocketCalls sockets, ReferenceCalls references,
    TraceOwners owners)
{
    private const int MaxArguments = 1 << 20; // beyond what the kernel takes
    private const int MaxBusyRepeats = 1000;
    private const ulong CloneVm = 0x100;
    private const ulong CloneVfork = 0x4000;
    private const int CallVfork = 58;
    private const int CallFork = 57;

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
                return sockets.ChangeAddress(thread, ref registers, 1, number == CallNumbers.Bind);
            }

            if (number == CallNumbers.Sendmsg || number == CallNumbers.Sendmmsg)
            {
                return sockets.ChangeMessage(thread, ref registers, number == CallNumbers.Sendmmsg);
            }

            if (number == CallNumbers.Accept || number == CallNumbers.Accept4
                || number == CallNumbers.Getsockname || number == CallNumbers.Getpeername)
            {
                return sockets.WatchAddress(thread, registers, 1);
            }

            return number == CallNumbers.Sendto ? sockets.ChangeAddress(thread, ref registers, 4, isBind: false)
                : number == CallNumbers.Recvfrom ? sockets.WatchAddress(thread, registers, 4)
                : number == CallNumbers.Getsockopt ? sockets.WatchOption(thread, registers)
                : number == CallNumbers.InotifyAddWatch ? ChangeWatch(thread, ref registers)
                : number == CallNumbers.Open || number == CallNumbers.Openat
                    ? references.Change(thread, ref registers, number == CallNumbers.Openat)
                : ChangeMapping(thread, ref registers);
        }
        catch (LinuxException failure)
        {
            return Fail(ref registers, failure.Errno);
        }
    }

    /// <summary>The registers after a changed call.</summary>
    public static TraceRegisters After(Tracee thread, ChangedCall changed, in TraceRegisters now)
    {
        TraceRegisters after = changed.Before;
        if (changed.MakesPlaces)
        {
            if (ArgumentPlaces.TryAdd(thread, changed, now))
            {
                after.Repeat();
            }
            else
            {
                after.Result = -(long)Errno.ENOMEM;
            }

            return after;
        }

        // Another child holds the copy open, until it executes.
        if (changed.Executable is not null && now.Result == -(long)Errno.ETXTBSY && thread.BusyRepeats++ < MaxBusyRepeats)
        {
            after.Repeat();
            return after;
        }

        // The number stays the one it was made with: a call that a signal interrupts is made again.
        thread.BusyRepeats = 0;
        after.Result = changed.Finish is { } finish ? finish(now.Result) : now.Result;
        after.Rcx = now.Rcx;
        after.R11 = now.R11;
        return after;
    }

    /// <summary>Gives back what the call held.</summary>
    public void GiveBack(ChangedCall changed)
    {
        if (changed.Place != 0)
        {
            changed.Memory.GiveBack(changed.Place);
        }

        if (changed.Temporary is { } name)
        {
            images.Remove(name);
        }
    }

    private static ChangedCall? ChangeMapping(Tracee thread, ref TraceRegisters registers)
    {
        (ChangedCall? call, Errno refused) = ArgumentPlaces.Guard(thread, ref registers);
        return refused == Errno.None ? call : Fail(ref registers, refused);
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

        // Which file is executed stands where the process cannot change it; its arguments are its own business.
        if (ArgumentPlaces.TryTake(thread, ref registers, out ulong place) is { } makesPlaces)
        {
            return makesPlaces;
        }

        ChangedCall call = new(registers, place, thread.Process.Memory)
        {
            Executable = plan.Executable,
            Identity = plan.Identity,
        };
        if (pointers is not null)
        {
            if (WriteArguments(thread, ref registers, plan.Leading, pointers, out ulong argumentsAt) is { } makesRoom)
            {
                thread.Process.Memory.GiveBack(place);
                return makesRoom;
            }

            arguments = argumentsAt;
        }

        ArgumentPlaces.Write(thread, place, [.. Solver.Files.PathEncoding.Encode(plan.ImagePath), 0]);
        registers.Number = CallNumbers.Execve;
        registers.SetArgument(0, place);
        registers.SetArgument(1, arguments);
        registers.SetArgument(2, environment);
        return call;
    }

    // The strings that come before the given arguments, and the pointers to all.
    private static ChangedCall? WriteArguments(
        Tracee thread, ref TraceRegisters registers, IReadOnlyList<byte[]> leading, List<ulong> pointers, out ulong at)
    {
        int strings = leading.Sum(text => text.Length + 1) + 7 & ~7;
        int count = leading.Count + Math.Max(pointers.Count - 1, 0) + 1;
        byte[] content = new byte[strings + count * sizeof(ulong)];
        at = 0;
        if (ArgumentPlaces.TryTakeRoom(thread, ref registers, content.Length, out ulong room) is { } makesRoom)
        {
            return makesRoom;
        }

        int position = 0;
        int slot = strings;
        foreach (byte[] text in leading)
        {
            text.CopyTo(content, position);
            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(slot), room + (ulong)position);
            position += text.Length + 1;
            slot += sizeof(ulong);
        }

        for (int i = 1; i < pointers.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(slot), pointers[i]);
            slot += sizeof(ulong);
        }

        at = room + (ulong)strings;
        return TraceeMemory.TryWrite(thread.ThreadId, room, content)
            ? null
            : throw new LinuxException("write arguments", Errno.EFAULT);
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

                if (pointers.Count == MaxArguments)
                {
                    throw new LinuxException("read arguments", Errno.E2BIG);
                }

                pointers.Add(pointer);
            }

            address += (ulong)count;
        }
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

            if (ArgumentPlaces.TryTake(thread, ref registers, out ulong place) is { } makesPlaces)
            {
                return makesPlaces;
            }

            ChangedCall call = new(registers, place, thread.Process.Memory);
            ArgumentPlaces.Write(thread, place, [.. Solver.Files.PathEncoding.Encode(link), 0]);
            registers.SetArgument(1, place);
            return call;
        }
    }
}

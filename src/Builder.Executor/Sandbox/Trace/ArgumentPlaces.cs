// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Memory of traced processes for the arguments that the tracer gives their calls. The kernel reads arguments after the
/// tracer has looked at them, so that other threads of the process, or processes that share its memory, could change
/// them in between: the places are private pages that the process may only read. It cannot map, unmap or protect them,
/// since the filter stops all calls that name this range, nor write to them through /proc/PID/mem, which opens for reading
/// only.
/// </summary>
internal static class ArgumentPlaces
{
    private const int StackLimitBytes = 4096;
    private const int ReadOnly = 1; // PROT_READ
    private const int ReadWrite = 3;
    private const int Private = 0x22; // MAP_PRIVATE | MAP_ANONYMOUS
    private const int FixedNoReplace = 0x100000; // MAP_FIXED_NOREPLACE
    private const ulong Fixed = 0x100010; // MAP_FIXED, MAP_FIXED_NOREPLACE
    private const ulong MoveFixed = 2; // MREMAP_FIXED

    /// <summary>
    /// Takes a place of at most <see cref="AddressSpace.PlaceBytes"/>; null when there was one, else the call to make
    /// first, with the registers set for it.
    /// </summary>
    public static ChangedCall? TryTake(Tracee thread, ref TraceRegisters registers, out ulong place)
    {
        AddressSpace memory = thread.Process.Memory;
        if (memory.TryTake(out place))
        {
            return null;
        }

        if (memory.HasPlaces)
        {
            // More threads than places, all in calls that wait.
            throw new LinuxException("take a place", Errno.ENOMEM);
        }

        ChangedCall call = new(registers, 0, memory) { MakesPlaces = true };
        Map(
            ref registers, AddressSpace.PlacesStart, AddressSpace.PlacesEnd - AddressSpace.PlacesStart, ReadOnly,
            Private | FixedNoReplace);
        return call;
    }

    /// <summary>Takes room that the process could write to, for what nothing depends on.</summary>
    public static ChangedCall? TryTakeRoom(Tracee thread, ref TraceRegisters registers, int size, out ulong address)
    {
        AddressSpace memory = thread.Process.Memory;
        if (memory.Users == 1 && size <= StackLimitBytes)
        {
            address = registers.Rsp - TraceRegisters.RedZoneBytes - (ulong)size & ~15UL;
            return null;
        }

        if (memory.LargePlace is { } large && large.Bytes >= size)
        {
            address = large.Address;
            return null;
        }

        address = 0;
        int bytes = size + 4095 & ~4095;
        ChangedCall call = new(registers, 0, memory) { MakesPlaces = true, LargeBytes = bytes };
        Map(ref registers, 0, (ulong)bytes, ReadWrite, Private);
        return call;
    }

    /// <summary>After the call that makes places: false when the kernel did not give them.</summary>
    public static bool TryAdd(Tracee thread, ChangedCall call, in TraceRegisters now)
    {
        bool isMade = now.Result is >= 0 or < -4095;
        if (call.LargeBytes > 0)
        {
            call.Memory.LargePlace = isMade ? (now.Rax, call.LargeBytes) : null;
            return isMade;
        }

        // EEXIST: another thread was faster, or did it just before a fork(2).
        if (!call.Memory.HasPlaces
            && (isMade ? now.Rax == AddressSpace.PlacesStart : now.Result == -(long)Errno.EEXIST && IsMapped(thread.ThreadId)))
        {
            call.Memory.AddPlaces();
        }

        return call.Memory.HasPlaces;
    }

    /// <summary>Writes to a place.</summary>
    public static void Write(Tracee thread, ulong place, ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, AddressSpace.PlaceBytes, nameof(bytes));
        if (!Ptrace.TryPoke(thread.ThreadId, place, bytes))
        {
            throw new LinuxException("write arguments", Errno.EFAULT);
        }
    }

    /// <summary>Calls that would change the range fail; null for those that do not.</summary>
    public static (ChangedCall? Call, Errno Refused) Guard(Tracee thread, ref TraceRegisters registers)
    {
        int number = registers.Number;
        if (number == CallNumbers.Mmap && Overlaps(registers.Rdi, registers.Rsi))
        {
            if ((registers.R10 & Fixed) != 0)
            {
                return (null, Errno.EINVAL);
            }

            // A wish only: it gets memory elsewhere.
            ChangedCall call = new(registers, 0, thread.Process.Memory);
            registers.SetArgument(0, 0);
            return (call, Errno.None);
        }

        bool isRefused = number == CallNumbers.Mremap
            ? Overlaps(registers.Rdi, Math.Max(registers.Rsi, 1))
                || ((registers.R10 & MoveFixed) != 0 && Overlaps(registers.R8, registers.Rdx))
            : number == CallNumbers.Shmat
                ? Overlaps(registers.Rsi, 1)
                : number != CallNumbers.Mmap && Overlaps(registers.Rdi, registers.Rsi);
        return (null, isRefused ? Errno.EINVAL : Errno.None);
    }

    // The whole range is private and read-only. Lines: "START-END r--p ...". Source: proc_pid_maps(5).
    private static bool IsMapped(int threadId)
    {
        ulong covered = AddressSpace.PlacesStart;
        try
        {
            foreach (string line in File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{threadId}/maps")))
            {
                string[] words = line.Split(' ', 3);
                string[] range = words[0].Split('-');
                ulong start = ulong.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                if (start > covered || covered >= AddressSpace.PlacesEnd || words[1] != "r--p")
                {
                    break;
                }

                covered = ulong.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }

        return covered >= AddressSpace.PlacesEnd;
    }

    private static bool Overlaps(ulong address, ulong length) =>
        address < AddressSpace.PlacesEnd
        && (address + length > AddressSpace.PlacesStart || address + length < address);

    private static void Map(ref TraceRegisters registers, ulong address, ulong bytes, int protection, int flags)
    {
        registers.Number = CallNumbers.Mmap;
        registers.SetArgument(0, address);
        registers.SetArgument(1, bytes);
        registers.SetArgument(2, (ulong)protection);
        registers.SetArgument(3, (ulong)flags);
        registers.SetArgument(4, ulong.MaxValue);
        registers.SetArgument(5, 0);
    }
}

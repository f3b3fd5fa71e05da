// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>Reads and writes the memory of a process whose call waits.</summary>
internal static unsafe class TraceeMemory
{
    private const int MaxPathBytes = 4096;
    private const int FirstBytes = 256;

    private static readonly int s_pread = new Syscall("pread64", 17, 67).Number;
    private static readonly int s_pwrite = new Syscall("pwrite64", 18, 68).Number;


    /// <summary>
    /// Reads a zero-terminated path; null when it cannot be read. One that is too long comes back as PATH_MAX bytes, for
    /// which every call gives ENAMETOOLONG.
    /// </summary>
    public static byte[]? ReadPath(int pid, ulong address)
    {
        // Most are short; never beyond a page: the next one may not be there.
        Span<byte> first = stackalloc byte[(int)Math.Min(4096 - (address & 4095), FirstBytes)];
        if (!TryTransfer(pid, address, first, isWrite: false))
        {
            return null;
        }

        int end = first.IndexOf((byte)0);
        if (end >= 0)
        {
            return first[..end].ToArray();
        }

        byte[] buffer = new byte[MaxPathBytes];
        first.CopyTo(buffer);
        int length = first.Length;
        while (length < MaxPathBytes)
        {
            ulong position = address + (ulong)length;
            int count = (int)Math.Min(4096 - (position & 4095), (ulong)(MaxPathBytes - length));
            if (!TryTransfer(pid, position, buffer.AsSpan(length, count), isWrite: false))
            {
                return null;
            }

            end = buffer.AsSpan(length, count).IndexOf((byte)0);
            if (end >= 0)
            {
                return buffer[..(length + end)];
            }

            length += count;
        }

        return buffer;
    }

    /// <summary>Reads bytes.</summary>
    public static bool TryRead(int pid, ulong address, Span<byte> buffer) =>
        TryTransfer(pid, address, buffer, isWrite: false);

    /// <summary>Writes bytes.</summary>
    public static bool TryWrite(int pid, ulong address, Span<byte> buffer) =>
        TryTransfer(pid, address, buffer, isWrite: true);

    private static bool TryTransfer(int pid, ulong address, Span<byte> buffer, bool isWrite)
    {
        fixed (byte* bytes = buffer)
        {
            nint* local = stackalloc nint[2] { (nint)bytes, buffer.Length };
            nint* remote = stackalloc nint[2] { (nint)address, buffer.Length };
            Syscall call = isWrite ? Syscall.ProcessVmWritev : Syscall.ProcessVmReadv;
            nint count = Libc.SystemCall(call.Number, pid, (nint)local, 1, (nint)remote, 1, 0);
            return count == buffer.Length
                || (count < 0 && Libc.LastErrno is Errno.EPERM or Errno.ENOSYS && TryByFile(pid, address, buffer, isWrite));
        }
    }

    // Where a pod's filter forbids the calls above.
    private static bool TryByFile(int pid, ulong address, Span<byte> buffer, bool isWrite)
    {
        using SafeFileHandle? memory = Open(pid, isWrite);
        if (memory is null)
        {
            return false;
        }

        fixed (byte* bytes = buffer)
        {
            nint count = Libc.SystemCall(
                isWrite ? s_pwrite : s_pread, memory.Number(), (nint)bytes, buffer.Length, (nint)address);
            return count == buffer.Length;
        }
    }

    private static SafeFileHandle? Open(int pid, bool isWrite)
    {
        fixed (byte* path = Libc.Terminated(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/mem")))
        {
            return Libc.OpenBy(
                Syscall.Openat, Libc.AtFdCwd, (nint)path,
                (isWrite ? OpenFlags.ReadWrite : OpenFlags.ReadOnly) | OpenFlags.CloseOnExec);
        }
    }
}

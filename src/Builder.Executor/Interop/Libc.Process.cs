// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Interop;

/// <summary>Processes, signals, pipes.</summary>
internal static unsafe partial class Libc
{
    public const int SigHup = 1;
    public const int SigInt = 2;
    public const int SigKill = 9;
    public const int SigTerm = 15;
    public const int SigCont = 18;
    public const int SigChld = 17;
    public const int SigWinch = 28;

    public const short PollIn = 1;
    public const short PollOut = 4;
    public const short PollErr = 8;
    public const short PollHup = 16;

    public const int FGetFd = 1;
    public const int FSetFd = 2;
    public const int FGetFl = 3;
    public const int FSetFl = 4;
    public const int FDupFdCloexec = 1030;
    public const int OpenNonBlock = 0x800;
    public const int OpenCloexec = 0x80000;

    public const int WaitNoHang = 1;
    public const int WaitExited = 4;
    public const int WaitNoReap = 0x01000000; // WNOWAIT
    public const int WaitAll = 0x40000000; // __WALL

    public const int PrSetPdeathsig = 1;
    public const int PrGetDumpable = 3;
    public const int PrSetDumpable = 4;
    public const int PrCapBsetRead = 23;
    public const int PrCapBsetDrop = 24;
    public const int PrSetNoNewPrivs = 38;
    public const int PrCapAmbient = 47;
    public const int PrSetChildSubreaper = 36;
    public const int PrSetName = 15;

    /// <summary>pollfd of poll(2).</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollDescriptor
    {
        public int Fd;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    public static partial int Pipe2(int* fds, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint ReadDescriptor(int fd, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint WriteDescriptor(int fd, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int CloseDescriptor(int fd);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    public static partial int Fcntl(int fd, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollDescriptor* descriptors, nuint count, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "wait4", SetLastError = true)]
    public static partial int Wait4(int pid, int* status, int options, void* usage);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    public static partial int Prctl(int option, nuint a2 = 0, nuint a3 = 0, nuint a4 = 0, nuint a5 = 0);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint SystemCall(
        nint number, nint a0 = 0, nint a1 = 0, nint a2 = 0, nint a3 = 0, nint a4 = 0, nint a5 = 0);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint MemoryMap(nint address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    public static partial int MemoryProtect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "getuid")]
    public static partial uint GetUserId();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint GetEffectiveUserId();

    [LibraryImport("libc", EntryPoint = "getgid")]
    public static partial uint GetGroupId();

    [LibraryImport("libc", EntryPoint = "getegid")]
    public static partial uint GetEffectiveGroupId();

    [LibraryImport("libc", EntryPoint = "getpid")]
    public static partial int GetProcessId();

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Ioctl(int fd, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "isatty", SetLastError = true)]
    private static partial int IsTty(int fd);

    /// <summary>True when a descriptor is a terminal.</summary>
    public static bool IsTerminal(int fd) => IsTty(fd) == 1;

    /// <summary>The errno that the last call of this thread left.</summary>
    public static Errno LastErrno => (Errno)Marshal.GetLastPInvokeError();

    /// <summary>A pipe whose ends are closed on execve(2).</summary>
    public static (SafeFileHandle Read, SafeFileHandle Write) CreatePipe()
    {
        int* fds = stackalloc int[2];
        if (Pipe2(fds, OpenCloexec) != 0)
        {
            throw new LinuxException("pipe2", LastErrno);
        }

        return (new SafeFileHandle(fds[0], ownsHandle: true), new SafeFileHandle(fds[1], ownsHandle: true));
    }

    /// <summary>A second descriptor of the same file, at least <paramref name="lowest"/>, closed on execve(2).</summary>
    public static SafeFileHandle Duplicate(SafeFileHandle handle, int lowest = 3)
    {
        int fd = Fcntl((int)handle.DangerousGetHandle(), FDupFdCloexec, lowest);
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw new LinuxException("fcntl", LastErrno);
    }

    /// <summary>read(2), again after EINTR; 0 at the end.</summary>
    public static int ReadSome(SafeFileHandle handle, Span<byte> buffer)
    {
        fixed (byte* pointer = buffer)
        {
            while (true)
            {
                nint count = ReadDescriptor((int)handle.DangerousGetHandle(), pointer, (nuint)buffer.Length);
                if (count >= 0)
                {
                    return (int)count;
                }

                if (LastErrno != Errno.EINTR)
                {
                    return -(int)LastErrno;
                }
            }
        }
    }

    /// <summary>write(2), again after EINTR; the count, or the negated errno.</summary>
    public static int WriteSome(SafeFileHandle handle, ReadOnlySpan<byte> buffer)
    {
        fixed (byte* pointer = buffer)
        {
            while (true)
            {
                nint count = WriteDescriptor((int)handle.DangerousGetHandle(), pointer, (nuint)buffer.Length);
                if (count >= 0)
                {
                    return (int)count;
                }

                if (LastErrno != Errno.EINTR)
                {
                    return -(int)LastErrno;
                }
            }
        }
    }

    /// <summary>Sets O_NONBLOCK.</summary>
    public static void SetNonBlocking(SafeFileHandle handle)
    {
        int fd = (int)handle.DangerousGetHandle();
        int flags = Fcntl(fd, FGetFl, 0);
        _ = Fcntl(fd, FSetFl, flags | OpenNonBlock);
    }
}

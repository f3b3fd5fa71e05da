// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Interop;

/// <summary>Network namespaces and interfaces.</summary>
internal static unsafe partial class Libc
{
    /// <summary>CLONE_NEWNET.</summary>
    public const int NewNetwork = 0x40000000;

    private const int AddressFamilyInternet = 2;
    private const int SocketDatagram = 2;
    private const int SocketCloexec = 0x80000;
    private const nuint GetInterfaceFlags = 0x8913; // SIOCGIFFLAGS
    private const nuint SetInterfaceFlags = 0x8914; // SIOCSIFFLAGS
    private const short InterfaceUp = 1;
    private const int InterfaceRequestBytes = 40;
    private const int InterfaceNameBytes = 16;

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    public static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int CreateSocket(int family, int type, int protocol);

    /// <summary>Brings the loopback interface of this thread's network namespace up.</summary>
    public static void BringLoopbackUp()
    {
        int fd = CreateSocket(AddressFamilyInternet, SocketDatagram | SocketCloexec, 0);
        if (fd < 0)
        {
            throw new LinuxException("socket", LastErrno);
        }

        byte* request = stackalloc byte[InterfaceRequestBytes];
        new Span<byte>(request, InterfaceRequestBytes).Clear();
        "lo"u8.CopyTo(new Span<byte>(request, InterfaceNameBytes));
        int result = Ioctl(fd, GetInterfaceFlags, request);
        *(short*)(request + InterfaceNameBytes) |= InterfaceUp;
        result = result == 0 ? Ioctl(fd, SetInterfaceFlags, request) : result;
        Errno errno = LastErrno;
        _ = CloseDescriptor(fd);
        if (result != 0)
        {
            throw new LinuxException("ioctl", errno, "lo");
        }
    }
}

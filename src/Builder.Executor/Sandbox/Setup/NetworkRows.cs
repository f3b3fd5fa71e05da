// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>A network namespace of one's own.</summary>
internal static class NetworkRows
{
    private const int FamilyInet = 2;
    private const int Datagram = 2;
    private const int SetInterfaceFlags = 0x8914; // SIOCSIFFLAGS
    private const int InterfaceRequestBytes = 40;
    private const byte UpAndRunning = 0x41;

    /// <summary>Brings the loopback interface up.</summary>
    public static void LoopbackUp(SyscallProgramme programme)
    {
        Span<byte> request = stackalloc byte[InterfaceRequestBytes];
        request.Clear();
        "lo"u8.CopyTo(request);
        request[16 /* sizeof(ifr_name) */] = UpAndRunning;
        int socket = programme.Add(
            "open a socket", Syscall.Socket, FamilyInet, Datagram | Libc.OpenCloexec);
        int up = programme.Add(
            "bring the loopback interface up", Syscall.Ioctl, 0, SetInterfaceFlags, programme.Bytes(request));
        programme.ForwardResult(socket, up, argument: 0);
    }
}

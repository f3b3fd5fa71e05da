// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Interop;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox;

/// <summary>A further terminal of a running container's own terminal file system.</summary>
internal sealed unsafe class EntryTerminal : IDisposable
{
    private const nuint Unlock = 0x40045431; // TIOCSPTLCK
    private const nuint GetPeer = 0x5441; // TIOCGPTPEER
    private const int NoControl = 0x100; // O_NOCTTY

    private EntryTerminal(SafeFileHandle master, SafeFileHandle slave)
    {
        Master = master;
        Slave = slave;
    }

    /// <summary>The outside.</summary>
    public SafeFileHandle Master { get; }

    /// <summary>The inside.</summary>
    public SafeFileHandle Slave { get; }

    /// <summary>Opens a terminal of the container that a process belongs to.</summary>
    public static EntryTerminal Open(int pid)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/root/dev/pts/ptmx");
        SafeFileHandle master = AtCalls.Open(path, OpenFlags.ReadWrite | OpenFlags.CloseOnExec | NoControl).Release();
        int unlocked = 0;
        int descriptor = (int)master.DangerousGetHandle();
        nint flags = OpenFlags.ReadWrite | OpenFlags.CloseOnExec | NoControl;
        int slave = Libc.Ioctl(descriptor, Unlock, &unlocked) == 0 ? Libc.Ioctl(descriptor, GetPeer, (void*)flags) : -1;
        if (slave < 0)
        {
            Errno errno = Libc.LastErrno;
            master.Dispose();
            throw new LinuxException("ioctl", errno, "/dev/pts/ptmx");
        }

        return new EntryTerminal(master, new SafeFileHandle(slave, ownsHandle: true));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Master.Dispose();
        Slave.Dispose();
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Mounts;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox;

/// <summary>A terminal of a container's own terminal file system: /dev/pts/0 inside, a descriptor outside.</summary>
internal sealed unsafe class PseudoTerminal : IDisposable
{
    private const nuint Unlock = 0x40045431; // TIOCSPTLCK
    private const nuint SetWindowSize = 0x5414; // TIOCSWINSZ

    private PseudoTerminal(SafeFileHandle master, SafeFileHandle slave)
    {
        Master = master;
        Slave = slave;
    }

    /// <summary>The outside: what is written is typed, what is read is shown.</summary>
    public SafeFileHandle Master { get; }

    /// <summary>The inside.</summary>
    public SafeFileHandle Slave { get; }

    /// <summary>Opens the first terminal of a terminal file system that was just made.</summary>
    public static PseudoTerminal Open(DetachedMount terminals, int columns, int rows)
    {
        int directory = terminals.Handle.Number();
        SafeFileHandle master = AtCalls.Open(directory, "ptmx"u8, OpenFlags.ReadWrite | NoControl).Release();
        int unlocked = 0;
        if (Libc.Ioctl(master.Number(), Unlock, &unlocked) != 0)
        {
            throw new LinuxException("ioctl", Libc.LastErrno, "ptmx");
        }

        var terminal = new PseudoTerminal(
            master, AtCalls.Open(directory, "0"u8, OpenFlags.ReadWrite | NoControl).Release());
        terminal.Resize(columns, rows);
        return terminal;
    }

    /// <summary>Tells the programmes inside how large it is.</summary>
    public void Resize(int columns, int rows) => Resize(Master, columns, rows);

    /// <summary>Sets the size of a terminal by its outside.</summary>
    public static void Resize(SafeFileHandle master, int columns, int rows)
    {
        ushort* size = stackalloc ushort[4];
        size[0] = (ushort)Math.Clamp(rows, 0, ushort.MaxValue);
        size[1] = (ushort)Math.Clamp(columns, 0, ushort.MaxValue);
        size[2] = size[3] = 0;
        _ = Libc.Ioctl(master.Number(), SetWindowSize, size);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Master.Dispose();
        Slave.Dispose();
    }

    private const int NoControl = 0x100; // O_NOCTTY
}

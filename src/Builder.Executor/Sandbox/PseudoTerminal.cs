// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Mounts;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox;

/// <summary>A terminal of a container's own terminal file system: /dev/pts/0 inside, a descriptor outside.</summary>
internal sealed unsafe class PseudoTerminal : IDisposable
{
    private const nuint Unlock = 0x40045431; // TIOCSPTLCK
    private const nuint GetNumber = 0x80045430; // TIOCGPTN
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

    /// <summary>Opens a new terminal of a terminal file system.</summary>
    public static PseudoTerminal Open(DetachedMount terminals, int columns, int rows) =>
        Open(terminals.Handle.Number(), columns, rows);

    /// <summary>Opens a new terminal of the terminal file system at a path of the host.</summary>
    public static PseudoTerminal OpenIn(string path, int columns, int rows)
    {
        using FileDescriptor directory = AtCalls.Open(path, OpenFlags.Path | OpenFlags.Directory);
        return Open(directory.Value, columns, rows);
    }

    private static PseudoTerminal Open(int directory, int columns, int rows)
    {
        SafeFileHandle master = AtCalls.Open(directory, "ptmx"u8, OpenFlags.ReadWrite | NoControl).Release();
        int value = 0;
        if (Libc.Ioctl(master.Number(), Unlock, &value) != 0 || Libc.Ioctl(master.Number(), GetNumber, &value) != 0)
        {
            throw new LinuxException("ioctl", Libc.LastErrno, "ptmx");
        }

        byte[] name = System.Text.Encoding.ASCII.GetBytes(value.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var terminal = new PseudoTerminal(
            master, AtCalls.Open(directory, name, OpenFlags.ReadWrite | NoControl).Release());
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

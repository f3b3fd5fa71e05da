// SPDX-License-Identifier: Apache-2.0

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Interop;

/// <summary>Terminals and pseudo-terminals. Source: ioctl_tty(2); the numbers are the same on x86-64 and arm64.</summary>
internal static unsafe partial class Libc
{
    /// <summary>TIOCSCTTY: makes the terminal the session's own.</summary>
    public const nuint TerminalSetControlling = 0x540E;

    private const nuint TerminalGetSettings = 0x5401; // TCGETS
    private const nuint TerminalSetSettings = 0x5402; // TCSETS
    private const nuint TerminalGetSize = 0x5413; // TIOCGWINSZ
    private const nuint TerminalSetSize = 0x5414; // TIOCSWINSZ
    private const nuint PtySetLock = 0x40045431; // TIOCSPTLCK
    private const nuint PtyGetPeer = 0x5441; // TIOCGPTPEER

    private const int OpenReadWrite = 2;
    private const int OpenNoControllingTerminal = 0x100;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenPath(string path, int flags, int mode);

    /// <summary>The kernel's termios.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TerminalSettings
    {
        public uint Input;
        public uint Output;
        public uint Control;
        public uint Local;
        public byte Line;
        public ControlCharacters Characters;
    }

    /// <summary>c_cc of the kernel's termios.</summary>
    [InlineArray(19)]
    public struct ControlCharacters
    {
        private byte _first;
    }

    /// <summary>winsize.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TerminalSize
    {
        public ushort Rows;
        public ushort Columns;
        public ushort Width;
        public ushort Height;
    }

    /// <summary>Opens both ends of a new pseudo-terminal of this mount namespace.</summary>
    public static (SafeFileHandle Master, SafeFileHandle Peer) OpenPseudoTerminal()
    {
        const int Flags = OpenReadWrite | OpenNoControllingTerminal | OpenCloexec;
        int master = OpenPath("/dev/ptmx", Flags, 0);
        if (master < 0)
        {
            throw new LinuxException("open", LastErrno, "/dev/ptmx");
        }

        var handle = new SafeFileHandle(master, ownsHandle: true);
        int unlocked = 0;
        int peer = Ioctl(master, PtySetLock, &unlocked) == 0 ? Ioctl(master, PtyGetPeer, (void*)Flags) : -1;
        if (peer < 0)
        {
            Errno errno = LastErrno;
            handle.Dispose();
            throw new LinuxException("ioctl", errno, "/dev/ptmx");
        }

        return (handle, new SafeFileHandle(peer, ownsHandle: true));
    }

    /// <summary>The settings of a terminal, or null when it is none.</summary>
    public static TerminalSettings? GetTerminalSettings(int fd)
    {
        TerminalSettings settings;
        return Ioctl(fd, TerminalGetSettings, &settings) == 0 ? settings : null;
    }

    /// <summary>Changes the settings of a terminal.</summary>
    public static void SetTerminalSettings(int fd, TerminalSettings settings) =>
        _ = Ioctl(fd, TerminalSetSettings, &settings);

    /// <summary>The size of a terminal, or null when it is none.</summary>
    public static TerminalSize? GetTerminalSize(int fd)
    {
        TerminalSize size;
        return Ioctl(fd, TerminalGetSize, &size) == 0 ? size : null;
    }

    /// <summary>Changes the size of a terminal; its foreground processes get SIGWINCH.</summary>
    public static void SetTerminalSize(int fd, TerminalSize size) => _ = Ioctl(fd, TerminalSetSize, &size);
}

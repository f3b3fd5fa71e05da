// SPDX-License-Identifier: Apache-2.0

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Builder.Executor.Interop;

/// <summary>Terminals. Source: ioctl_tty(2); the numbers are the same on x86-64 and arm64.</summary>
internal static unsafe partial class Libc
{
    private const nuint TerminalGetSettings = 0x5401; // TCGETS
    private const nuint TerminalSetSettings = 0x5402; // TCSETS
    private const nuint TerminalGetSize = 0x5413; // TIOCGWINSZ
    private const nuint TerminalSetSize = 0x5414; // TIOCSWINSZ

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

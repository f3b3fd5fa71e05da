// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>The standard streams of a command. Source: ioctl_tty(2).</summary>
internal static class StreamRows
{
    private const int TakeTerminal = 0x540E; // TIOCSCTTY

    /// <summary>Gives the command the streams, or the terminal, which becomes that of its session.</summary>
    public static void Connect(SyscallProgramme programme, SandboxIo io, PseudoTerminal? terminal)
    {
        if (terminal is not null)
        {
            int slave = terminal.Slave.Number();
            ProcessRows.StandardStreams(programme, slave, slave, slave);
            programme.Add("take the terminal", Syscall.Ioctl, 0, TakeTerminal);
        }
        else if (io is SandboxIo.Streams streams)
        {
            ProcessRows.StandardStreams(
                programme, streams.Input.Number(), streams.Output.Number(), streams.Error.Number());
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>How a process ended, as wait(2) says it.</summary>
/// <param name="Code">The status it gave to exit(2); 0 when a signal ended it.</param>
/// <param name="Signal">The signal that ended it, or 0.</param>
public readonly record struct ExitStatus(int Code, int Signal)
{
    /// <summary>The status as a shell reports it: 128+n after signal n.</summary>
    public int ShellCode => Signal != 0 ? 128 + Signal : Code;

    /// <summary>True for status 0.</summary>
    public bool IsSuccess => Code == 0 && Signal == 0;

    /// <summary>Decodes wait(2)'s word.</summary>
    public static ExitStatus FromWaitStatus(int status) =>
        (status & 0x7f) == 0 ? new ExitStatus((status >> 8) & 0xff, 0) : new ExitStatus(0, status & 0x7f);
}

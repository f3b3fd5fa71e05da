// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Cli;

/// <summary>Every exit status that bld itself gives; <c>run</c> and <c>exec</c> otherwise pass the command's on.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Success = 0;

    /// <summary>The build, or whatever was asked for, failed.</summary>
    public const int Failure = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>The builder or the sandbox could not be started (also: a wrong command line of <c>run</c>).</summary>
    public const int SandboxFailed = 125;

    /// <summary>The command was found and cannot be executed.</summary>
    public const int NotExecutable = 126;

    /// <summary>The command was not found.</summary>
    public const int NotFound = 127;

    /// <summary>Ctrl-C: 128 + SIGINT.</summary>
    public const int Interrupted = 130;

    private const int FirstSignal = 128;

    /// <summary>Ended by a signal: 128 + its number.</summary>
    public static int Signalled(PosixSignal signal) => FirstSignal + signal switch
    {
        PosixSignal.SIGHUP => 1,
        PosixSignal.SIGTERM => 15,
        _ => 2,
    };
}

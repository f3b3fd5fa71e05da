// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;

namespace Builder.Cli;

/// <summary>A request of the command line that cannot be fulfilled, for instance because nothing has that name.</summary>
internal sealed class CommandException : BuildException
{
    /// <summary>Creates the failure.</summary>
    public CommandException(string message, int exitCode = Cli.ExitCode.Failure)
        : base(message)
    {
        ExitCode = exitCode;
    }

    /// <summary>The status to end with.</summary>
    public int ExitCode { get; }
}

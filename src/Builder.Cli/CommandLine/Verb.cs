// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;

namespace Builder.Cli.CommandLine;

/// <summary>
/// A word of the command line and what makes its command: a command is only built when its verb was given, so that
/// starting does not cost more with every verb.
/// </summary>
/// <param name="Name">As typed.</param>
/// <param name="Description">One line for help.</param>
/// <param name="Create">Makes the command; null for a group of verbs.</param>
internal sealed record Verb(string Name, string Description, Func<CliContext, GlobalOptions, Command>? Create)
{
    /// <summary>The verbs of a group.</summary>
    public ImmutableArray<Verb> Children { get; init; } = [];

    /// <summary>What follows the first operand is passed on untouched (run, exec).</summary>
    public bool StopsAtFirstOperand { get; init; }

    /// <summary>The command handles signals itself instead of being cancelled by them.</summary>
    public bool HandlesSignals { get; init; }

    /// <summary>A wrong command line ends with 125 instead of 2, so that it cannot be taken for the command's.</summary>
    public int UsageExitCode { get; init; } = ExitCode.Usage;

    /// <summary>
    /// The command touches layers or runs processes: an ordinary user's runs inside a user namespace, where it is root.
    /// </summary>
    public bool EntersNamespace { get; init; }

    /// <summary>Not shown in help: another way to write a verb.</summary>
    public bool Hidden { get; init; }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Cli.CommandLine;

namespace Builder.Cli.Commands;

/// <summary>All verbs. Naming them costs nothing; only the invoked one's command is made.</summary>
internal static class CommandTable
{
    /// <summary>The verbs in the order of help.</summary>
    public static ImmutableArray<Verb> Verbs { get; } =
    [
        new Verb("version", "Show the version and the machine", VersionCommand.Create),
    ];
}

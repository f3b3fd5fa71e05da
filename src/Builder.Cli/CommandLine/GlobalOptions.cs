// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;

namespace Builder.Cli.CommandLine;

/// <summary>The options that may stand before the verb or among its own.</summary>
internal sealed class GlobalOptions
{
    /// <summary><c>--root</c>.</summary>
    public Option<string?> Root { get; } =
        OptionFactory.Text("--root", "DIR", "The store (default: $BLD_ROOT, else $XDG_DATA_HOME/bld; root: /var/lib/bld)");

    /// <summary><c>--debug</c>.</summary>
    public Option<bool> Debug { get; } = OptionFactory.Flag("--debug", "Show stack traces of failures", "-D");

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [Root, Debug];
}

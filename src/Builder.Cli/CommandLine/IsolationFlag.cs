// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;

namespace Builder.Cli.CommandLine;

/// <summary><c>--isolation</c>.</summary>
internal static class IsolationFlag
{
    /// <summary>Makes the option.</summary>
    public static Option<string?> Create() => OptionFactory.Text(
        "--isolation", "RUNG", "auto, native, userns, userns-single, chroot or trace");
}

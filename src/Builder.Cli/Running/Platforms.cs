// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Frontend.Naming;

namespace Builder.Cli.Running;

/// <summary>Platforms of the command line.</summary>
internal static class Platforms
{
    /// <summary>The platform of this machine.</summary>
    public static Platform Host { get; } = new()
    {
        Os = "linux",
        Architecture = RuntimeInformation.OSArchitecture switch
        {
            Architecture.X64 => "amd64",
            Architecture.Arm64 => "arm64",
            Architecture other => other.ToString().ToLowerInvariant(),
        },
    };

    /// <summary>Parses a platform; null is this machine's.</summary>
    /// <exception cref="UsageException">Malformed.</exception>
    public static Platform Parse(string? text)
    {
        try
        {
            return text is null or "local" ? Host : Platform.Parse(text, Host);
        }
        catch (FormatException exception)
        {
            throw new UsageException($"invalid platform \"{text}\": {exception.Message}", exception)
            {
                Hint = "for instance linux/amd64 or linux/arm64",
            };
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;

namespace Builder.Cli;

/// <summary>A command line that cannot be obeyed: unknown flag, malformed value, options that exclude each other.</summary>
internal sealed class UsageException : BuildException
{
    /// <summary>Creates the failure.</summary>
    public UsageException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

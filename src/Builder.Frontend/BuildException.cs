// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend;

/// <summary>
/// A failure that the user can act upon. The message is lower case without a trailing dot and says operation, object,
/// cause; it never holds a secret. It is rendered once, by the command line.
/// </summary>
public abstract class BuildException : Exception
{
    /// <summary>Creates the failure.</summary>
    protected BuildException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>The text in which <see cref="Location"/> lies (a Dockerfile, an ignore file), when it is known.</summary>
    public SourceText? Dockerfile { get; init; }

    /// <summary>The place in the Dockerfile that asked for what failed.</summary>
    public SourceSpan? Location { get; init; }

    /// <summary>What to do next, or null.</summary>
    public string? Hint { get; init; }
}

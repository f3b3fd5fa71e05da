// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend;

/// <summary>
/// A failure that the user can act upon. The message is lower case without a trailing dot and says operation, object,
/// cause; it never holds a secret. It is rendered once, by the command line.
/// </summary>
public abstract class BuildException : Exception
{
    private SourceText? _dockerfile;
    private SourceSpan? _location;

    /// <summary>Creates the failure.</summary>
    protected BuildException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>The text in which <see cref="Location"/> lies (a Dockerfile, an ignore file), when it is known.</summary>
    public SourceText? Dockerfile
    {
        get => _dockerfile;
        init => _dockerfile = value;
    }

    /// <summary>The place in the Dockerfile that asked for what failed.</summary>
    public SourceSpan? Location
    {
        get => _location;
        init => _location = value;
    }

    /// <summary>The word of the instruction that is at fault, as it is after expansion; null when it is all of it.</summary>
    public string? Subject { get; init; }

    /// <summary>What to do next, or null.</summary>
    public string? Hint { get; init; }

    /// <summary>
    /// Adds the place that asked for what failed, unless a nearer one is known already. Whoever knows the place calls
    /// it while the failure passes by.
    /// </summary>
    public void Locate(SourceText dockerfile, SourceSpan location)
    {
        if (_location is null)
        {
            _dockerfile = dockerfile;
            _location = location;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;

namespace Builder.Executor.Context;

/// <summary>What went wrong with a build context or a remote source.</summary>
public enum ContextFailure
{
    /// <summary>It is not there.</summary>
    NotFound,

    /// <summary>It is there and cannot be read or reached.</summary>
    Unreadable,

    /// <summary>It changed while it was read.</summary>
    Changed,

    /// <summary>It is damaged, or hostile, or not what was expected.</summary>
    Invalid,

    /// <summary>Its content is not what the checksum says.</summary>
    ChecksumMismatch,
}

/// <summary>A build context, a file of it, or a source of ADD cannot be had.</summary>
public sealed class ContextException : BuildException
{
    /// <summary>Creates the failure.</summary>
    public ContextException(ContextFailure reason, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Reason = reason;
    }

    /// <summary>What went wrong.</summary>
    public ContextFailure Reason { get; }
}

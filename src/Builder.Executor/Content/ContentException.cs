// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;

namespace Builder.Executor.Content;

/// <summary>What is wrong with content.</summary>
public enum ContentFailure
{
    /// <summary>The bytes are not those that the digest names.</summary>
    DigestMismatch,

    /// <summary>There are more or fewer bytes than the descriptor says.</summary>
    SizeMismatch,

    /// <summary>A kind of content that bld does not know.</summary>
    UnsupportedMediaType,

    /// <summary>The bytes cannot be read as what they should be.</summary>
    Malformed,

    /// <summary>A named limit is exceeded.</summary>
    TooLarge,

    /// <summary>It is not there.</summary>
    NotFound,

    /// <summary>The store's directory is of another version, or not a store.</summary>
    UnsupportedStore,

    /// <summary>Something uses it.</summary>
    InUse,
}

/// <summary>Content is missing, damaged, or not what was promised.</summary>
public sealed class ContentException : BuildException
{
    /// <summary>Creates the failure.</summary>
    public ContentException(ContentFailure reason, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Reason = reason;
    }

    /// <summary>What is wrong.</summary>
    public ContentFailure Reason { get; }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Net;
using Builder.Frontend;

namespace Builder.Executor.Registry;

/// <summary>What went wrong between bld and a registry.</summary>
public enum RegistryFailure
{
    /// <summary>No connection: the name does not resolve, nothing listens, the network is down.</summary>
    Unreachable,

    /// <summary>The TLS handshake failed.</summary>
    Tls,

    /// <summary>The registry wants credentials, or other ones (401).</summary>
    Unauthorized,

    /// <summary>The credentials do not permit the operation (403).</summary>
    Denied,

    /// <summary>The registry has no such repository.</summary>
    NameUnknown,

    /// <summary>The repository has no such tag or manifest.</summary>
    ManifestUnknown,

    /// <summary>The repository has no such blob.</summary>
    BlobUnknown,

    /// <summary>The bytes that arrived are not those that the digest or the size promised.</summary>
    ContentMismatch,

    /// <summary>The answer breaks the distribution protocol.</summary>
    InvalidResponse,

    /// <summary>The answer is larger than its named limit.</summary>
    TooLarge,

    /// <summary>Too many requests (429), after all retries.</summary>
    RateLimited,

    /// <summary>The registry failed (5xx), after all retries.</summary>
    ServerError,

    /// <summary>The request was refused for another reason (4xx).</summary>
    Refused,

    /// <summary>registries.conf blocks the registry.</summary>
    Blocked,

    /// <summary>A configuration or credentials file, or a credential helper, is wrong.</summary>
    Configuration,

    /// <summary>The image is of a kind that is not supported: schema 1, a media type that is no image.</summary>
    Unsupported,

    /// <summary>No image for the platform asked for.</summary>
    NoSuchPlatform,
}

/// <summary>One entry of the error list of the distribution spec.</summary>
/// <param name="Code">For instance MANIFEST_UNKNOWN.</param>
/// <param name="Message">The registry's words; may be empty.</param>
public sealed record OciError(string Code, string Message);

/// <summary>A failed exchange with a registry. Neither message nor <see cref="Url"/> holds a credential.</summary>
public sealed class RegistryException : BuildException
{
    internal RegistryException(RegistryFailure reason, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Reason = reason;
    }

    /// <summary>What went wrong.</summary>
    public RegistryFailure Reason { get; }

    /// <summary>The status of the last answer; null when there was none.</summary>
    public HttpStatusCode? StatusCode { get; init; }

    /// <summary>The errors that the registry reported.</summary>
    public ImmutableArray<OciError> Errors { get; init; } = [];

    /// <summary>The address without user information and with secret query values hidden.</summary>
    public string? Url { get; init; }

    /// <summary>True when the same request may succeed later.</summary>
    public bool IsTransient => Reason is RegistryFailure.Unreachable or RegistryFailure.RateLimited
        or RegistryFailure.ServerError;

    /// <summary>True when the thing asked for is not there (404), as opposed to not being had.</summary>
    public bool IsNotFound => Reason is RegistryFailure.NameUnknown or RegistryFailure.ManifestUnknown
        or RegistryFailure.BlobUnknown;
}

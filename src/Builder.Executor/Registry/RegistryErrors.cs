// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;

namespace Builder.Executor.Registry;

/// <summary>From answers and failed connections to <see cref="RegistryException"/>.</summary>
internal static class RegistryErrors
{
    private const int MaxShownCharacters = 300;

    /// <summary>The exception for an answer that is not a success; the answer is read and disposed.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="operation">What was tried, for instance <c>pull docker.io/library/x:1</c>.</param>
    /// <param name="missing">What a 404 means here.</param>
    /// <param name="cancellationToken">Cancels the reading of the body.</param>
    public static async Task<RegistryException> FromResponseAsync(
        HttpResponseMessage response, string operation, RegistryFailure missing, CancellationToken cancellationToken)
    {
        using (response)
        {
            ImmutableArray<OciError> errors = await ReadErrorsAsync(response, cancellationToken).ConfigureAwait(false);
            RegistryFailure reason = Classify(response.StatusCode, errors, missing);
            string cause = errors.IsEmpty
                ? Describe(reason, response)
                : string.Join("; ", errors.Select(error => Describe(reason, error)));
            return new RegistryException(reason, $"{operation}: {cause}")
            {
                StatusCode = response.StatusCode,
                Errors = errors,
                Url = response.RequestMessage?.RequestUri is { } url ? RedactedUrl.Of(url) : null,
                Hint = HintFor(reason, response.RequestMessage?.RequestUri?.Authority),
            };
        }
    }

    /// <summary>The exception for a request that got no answer.</summary>
    public static RegistryException FromFailure(Exception failure, string operation, Uri url)
    {
        string authority = url.Authority;
        (RegistryFailure reason, string cause, string? hint) = failure switch
        {
            { InnerException: AuthenticationException tls } => (
                RegistryFailure.Tls,
                $"TLS handshake with {authority} failed: {Innermost(tls)}",
                $"put the registry's CA into /etc/docker/certs.d/{authority}/ca.crt, or pass --tls-verify=false "
                    + "for a registry without valid certificates"),
            { InnerException: SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData } } => (
                RegistryFailure.Unreachable, $"registry {authority} is unreachable: no such host",
                "check the name; behind a proxy set HTTPS_PROXY"),
            { InnerException: SocketException { SocketErrorCode: SocketError.ConnectionRefused } } => (
                RegistryFailure.Unreachable, $"registry {authority} is unreachable: connection refused",
                "check that the registry runs and that the port is right"),
            TimeoutException or OperationCanceledException => (
                RegistryFailure.Unreachable, $"registry {authority} did not answer in time", UnreachableHint),
            _ => (RegistryFailure.Unreachable, $"registry {authority} is unreachable: {Innermost(failure)}", UnreachableHint),
        };
        return new RegistryException(reason, $"{operation}: {cause}", failure) { Url = RedactedUrl.Of(url), Hint = hint };
    }

    /// <summary>True for failures that a later attempt may not see.</summary>
    public static bool IsTransient(Exception failure) => failure switch
    {
        TimeoutException => true,
        RegistryException known => known.IsTransient,
        { InnerException: AuthenticationException } => false,
        { InnerException: SocketException socket } => socket.SocketErrorCode is not (SocketError.HostNotFound
            or SocketError.NoData or SocketError.ConnectionRefused or SocketError.AccessDenied),
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => false,
        HttpRequestException or IOException => true,
        _ => false,
    };

    /// <summary>True for statuses that a later attempt may not see.</summary>
    public static bool IsTransient(HttpStatusCode status) => status is HttpStatusCode.RequestTimeout
        or HttpStatusCode.TooManyRequests or HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway
        or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;

    private const string UnreachableHint = "check the network and HTTPS_PROXY/NO_PROXY; `--retry` raises the number of attempts";

    private static async Task<ImmutableArray<OciError>> ReadErrorsAsync(
        HttpResponseMessage response, CancellationToken cancellationToken)
    {
        byte[] body;
        try
        {
            body = await BoundedReader.ReadPrefixAsync(
                response.Content, RegistryLimits.MaxErrorBodyBytes, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or TimeoutException)
        {
            return [];
        }

        try
        {
            ErrorListJson? list = JsonSerializer.Deserialize(body, RegistryJson.Default.ErrorListJson);
            if (list?.Errors is { Count: > 0 } errors)
            {
                return [.. errors.Where(e => e is not null).Take(8)
                    .Select(e => new OciError(e.Code ?? "", Shorten(e.Message ?? "")))];
            }

            return list?.Details is { Length: > 0 } details ? [new OciError("", Shorten(details))] : [];
        }
        catch (JsonException)
        {
            // An HTML page of a proxy says nothing that the status does not.
            return [];
        }
    }

    private static RegistryFailure Classify(
        HttpStatusCode status, ImmutableArray<OciError> errors, RegistryFailure missing)
    {
        foreach (OciError error in errors)
        {
            switch (error.Code)
            {
                case "NAME_UNKNOWN":
                    return RegistryFailure.NameUnknown;
                case "MANIFEST_UNKNOWN":
                    return RegistryFailure.ManifestUnknown;
                case "BLOB_UNKNOWN":
                    return RegistryFailure.BlobUnknown;
                case "TOOMANYREQUESTS":
                    return RegistryFailure.RateLimited;
                default:
                    break;
            }
        }

        return status switch
        {
            HttpStatusCode.Unauthorized => RegistryFailure.Unauthorized,
            HttpStatusCode.Forbidden => RegistryFailure.Denied,
            HttpStatusCode.NotFound => missing,
            HttpStatusCode.TooManyRequests => RegistryFailure.RateLimited,
            >= HttpStatusCode.InternalServerError => RegistryFailure.ServerError,
            >= HttpStatusCode.BadRequest => RegistryFailure.Refused,
            _ => RegistryFailure.InvalidResponse,
        };
    }

    private static string Describe(RegistryFailure reason, OciError error) => reason switch
    {
        RegistryFailure.ManifestUnknown => "no such tag or manifest in the registry",
        RegistryFailure.NameUnknown => "the registry has no such repository",
        RegistryFailure.BlobUnknown => "the registry has no such blob",
        _ => error.Message.Length > 0 ? error.Message : error.Code,
    };

    private static string Describe(RegistryFailure reason, HttpResponseMessage response) => reason switch
    {
        RegistryFailure.ManifestUnknown => "no such tag or manifest in the registry",
        RegistryFailure.NameUnknown => "the registry has no such repository",
        RegistryFailure.BlobUnknown => "the registry has no such blob",
        RegistryFailure.Unauthorized => "the registry wants credentials",
        RegistryFailure.Denied => "access denied",
        RegistryFailure.RateLimited => "too many requests",
        _ => $"the registry answered {(int)response.StatusCode} {response.ReasonPhrase}".TrimEnd(),
    };

    private static string? HintFor(RegistryFailure reason, string? authority) => reason switch
    {
        RegistryFailure.Unauthorized or RegistryFailure.Denied =>
            "check the name, and log in with an account that may do this: bld login "
                + RegistryName.Normalise(authority ?? "REGISTRY"),
        RegistryFailure.NameUnknown or RegistryFailure.ManifestUnknown =>
            "check the name and the tag; a private image may need bld login",
        RegistryFailure.RateLimited => "log in, use a mirror (--registry-mirror), or wait",
        RegistryFailure.ServerError => "the registry has a problem of its own; try again later",
        _ => null,
    };

    private static string Innermost(Exception failure)
    {
        while (failure.InnerException is { } inner)
        {
            failure = inner;
        }

        return Shorten(failure.Message).TrimEnd('.');
    }

    /// <summary>One line without control characters: a registry must not write to the terminal as it likes.</summary>
    private static string Shorten(string text)
    {
        string line = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)).Trim();
        return line.Length <= MaxShownCharacters ? line : line[..MaxShownCharacters] + "...";
    }
}

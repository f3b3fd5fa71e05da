// SPDX-License-Identifier: Apache-2.0

using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Builder.Frontend.Naming;

namespace Builder.Executor.Registry;

/// <summary>
/// One repository of one registry. Source: distribution-spec, "API". Every answer is verified; every method throws
/// <see cref="RegistryException"/> when the registry cannot be reached, refuses, or breaks the protocol.
/// </summary>
internal sealed partial class RegistryRepository
{
    private const string OctetStream = "application/octet-stream";

    /// <summary>Everything that can be an image; schema 1 is accepted to say that it is not supported.</summary>
    private static readonly string[] s_manifestTypes =
    [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.1",
        "*/*;q=0.05",
    ];

    private readonly RegistryConnection _connection;
    private readonly AuthScope _pull;
    private readonly AuthScope _push;

    public RegistryRepository(RegistryConnection connection, RegistryEndpoint endpoint)
    {
        _connection = connection;
        Endpoint = endpoint;
        _pull = AuthScope.Pull(endpoint.Repository);
        _push = AuthScope.Push(endpoint.Repository);
    }

    public RegistryEndpoint Endpoint { get; }

    internal RegistryConnection Connection => _connection;

    private string Name => Endpoint.Repository;

    /// <summary>Fetches a manifest or index by tag or digest.</summary>
    public async Task<FetchedManifest> GetManifestAsync(string reference, CancellationToken cancellationToken)
    {
        string operation = $"pull {Describe(reference)}";
        using HttpResponseMessage response = await SendAsync(
            host => ManifestRequest(HttpMethod.Get, host, reference), _pull, operation, cancellationToken).ConfigureAwait(false);
        await RequireAsync(response, operation, RegistryFailure.ManifestUnknown, cancellationToken).ConfigureAwait(false);
        byte[] bytes = await ReadSmallAsync(response, RegistryLimits.MaxManifestBytes, operation, cancellationToken)
            .ConfigureAwait(false);
        Digest digest = Digest.FromHash(SHA256.HashData(bytes));
        VerifyManifest(response, reference, digest, operation);
        return new FetchedManifest(
            response.Content.Headers.ContentType?.MediaType ?? OctetStream, digest, bytes);
    }

    /// <summary>Asks what a tag or digest is; null when there is no such manifest.</summary>
    public async Task<ManifestHead?> HeadManifestAsync(string reference, CancellationToken cancellationToken)
    {
        string operation = $"look up {Describe(reference)}";
        using HttpResponseMessage response = await SendAsync(
            host => ManifestRequest(HttpMethod.Head, host, reference), _pull, operation, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        await RequireAsync(response, operation, RegistryFailure.ManifestUnknown, cancellationToken).ConfigureAwait(false);
        return new ManifestHead(
            response.Content.Headers.ContentType?.MediaType ?? OctetStream,
            ContentDigest(response),
            response.Content.Headers.ContentLength ?? 0);
    }

    /// <summary>Stores a manifest under a tag or its digest.</summary>
    public async Task PutManifestAsync(
        string reference, string mediaType, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        string operation = $"push {Describe(reference)}";
        using HttpResponseMessage response = await SendAsync(
            host =>
            {
                HttpRequestMessage request = new(HttpMethod.Put, ManifestUrl(host, reference))
                {
                    Content = new ReadOnlyMemoryContent(bytes),
                };
                request.Content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
                return request;
            },
            _push,
            operation,
            cancellationToken).ConfigureAwait(false);
        await RequireAsync(response, operation, RegistryFailure.NameUnknown, cancellationToken).ConfigureAwait(false);
        if (ContentDigest(response) is { } stored && stored != Digest.FromHash(SHA256.HashData(bytes.Span)))
        {
            throw Mismatch(operation, $"the registry stored it as {stored}");
        }
    }

    /// <summary>Removes a manifest; false when it was not there.</summary>
    public async Task<bool> DeleteManifestAsync(Digest digest, CancellationToken cancellationToken)
    {
        string operation = $"delete {Describe(digest.ToString())}";
        using HttpResponseMessage response = await SendAsync(
            host => new HttpRequestMessage(HttpMethod.Delete, ManifestUrl(host, digest.ToString())),
            AuthScope.Delete(Name),
            operation,
            cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return false;
        }

        await RequireAsync(response, operation, RegistryFailure.ManifestUnknown, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>The path <c>/v2/NAME/TAIL</c> of a host.</summary>
    internal Uri Url(Uri host, string tail) => new(host, $"v2/{Name}/{tail}");

    internal Task<HttpResponseMessage> SendAsync(
        Func<Uri, HttpRequestMessage> make,
        AuthScope scope,
        string operation,
        CancellationToken cancellationToken,
        bool retry = true) =>
        _connection.SendAsync(make, scope, Name, operation, retry, cancellationToken);

    /// <summary>Throws unless the answer is a success; then the answer is disposed.</summary>
    internal static async Task RequireAsync(
        HttpResponseMessage response, string operation, RegistryFailure missing, CancellationToken cancellationToken)
    {
        if (!response.IsSuccessStatusCode)
        {
            throw await RegistryErrors.FromResponseAsync(response, operation, missing, cancellationToken)
                .ConfigureAwait(false);
        }
    }

    internal static RegistryException Mismatch(string operation, string cause) =>
        new(RegistryFailure.ContentMismatch, $"{operation}: {cause}")
        {
            Hint = "the registry or something on the way to it changed the content; try again, or another mirror",
        };

    private string Describe(string reference) =>
        $"{Endpoint}{(reference.Contains(':', StringComparison.Ordinal) ? '@' : ':')}{reference}";

    private Uri ManifestUrl(Uri host, string reference) => Url(host, $"manifests/{reference}");

    private HttpRequestMessage ManifestRequest(HttpMethod method, Uri host, string reference)
    {
        HttpRequestMessage request = new(method, ManifestUrl(host, reference));
        foreach (string type in s_manifestTypes)
        {
            request.Headers.Accept.ParseAdd(type);
        }

        return request;
    }

    private static async Task<byte[]> ReadSmallAsync(
        HttpResponseMessage response, int limit, string operation, CancellationToken cancellationToken)
    {
        try
        {
            return await BoundedReader.ReadAllAsync(response.Content, limit, cancellationToken).ConfigureAwait(false)
                ?? throw new RegistryException(
                    RegistryFailure.TooLarge, $"{operation}: the answer is larger than {limit / 1024 / 1024} MiB");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException)
        {
            throw RegistryErrors.FromFailure(e, operation, response.RequestMessage!.RequestUri!);
        }
    }

    private static void VerifyManifest(HttpResponseMessage response, string reference, Digest digest, string operation)
    {
        if (reference.Contains(':', StringComparison.Ordinal))
        {
            if (reference != digest.ToString())
            {
                throw Mismatch(operation, $"the content that arrived has the digest {digest}");
            }
        }
        else if (ContentDigest(response) is { } promised && promised != digest)
        {
            throw Mismatch(operation, $"the registry promised {promised} and sent {digest}");
        }
    }

    private static Digest? ContentDigest(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Docker-Content-Digest", out IEnumerable<string>? values)
        && Digest.TryParse(values.FirstOrDefault(), out Digest digest)
            ? digest
            : null;
}

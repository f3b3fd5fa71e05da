// SPDX-License-Identifier: Apache-2.0

using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Builder.Frontend.Naming;

namespace Builder.Executor.Registry;

/// <summary>Blobs: existence, reading from an offset, sending.</summary>
internal sealed partial class RegistryRepository
{
    /// <summary>True when the repository has a blob, which need not be pushed then.</summary>
    public async Task<bool> HasBlobAsync(Digest digest, CancellationToken cancellationToken)
    {
        string operation = $"push blob {digest} to {Endpoint}";
        using HttpResponseMessage response = await SendAsync(
            host => new HttpRequestMessage(HttpMethod.Head, Url(host, $"blobs/{digest}")), _pull, operation, cancellationToken)
            .ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return false;
        }

        await RequireAsync(response, operation, RegistryFailure.BlobUnknown, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>A small blob, verified: a config.</summary>
    public async Task<byte[]> GetSmallBlobAsync(Digest digest, int limit, CancellationToken cancellationToken)
    {
        string operation = $"pull blob {digest} of {Endpoint}";
        for (int attempt = 1; ; attempt++)
        {
            using HttpResponseMessage response = await SendAsync(
                host => new HttpRequestMessage(HttpMethod.Get, Url(host, $"blobs/{digest}")), _pull, operation, cancellationToken)
                .ConfigureAwait(false);
            await RequireAsync(response, operation, RegistryFailure.BlobUnknown, cancellationToken).ConfigureAwait(false);
            try
            {
                byte[] bytes = await ReadSmallAsync(response, limit, operation, cancellationToken).ConfigureAwait(false);
                Digest actual = Digest.FromHash(SHA256.HashData(bytes));
                return actual == digest
                    ? bytes
                    : throw Mismatch(operation, $"the content that arrived has the digest {actual}");
            }
            catch (RegistryException e) when (e.IsTransient && attempt <= _connection.Options.Retries)
            {
                await PauseAsync(attempt, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// Opens a blob for reading from <paramref name="offset"/>, or from an earlier place when the server does not do
    /// ranges. The bytes are not verified here.
    /// </summary>
    public async Task<BlobBody> OpenBlobAsync(Digest digest, long offset, CancellationToken cancellationToken)
    {
        string operation = $"pull blob {digest} of {Endpoint}";
        HttpResponseMessage response = await SendAsync(
            host =>
            {
                HttpRequestMessage request = new(HttpMethod.Get, Url(host, $"blobs/{digest}"));
                if (offset > 0)
                {
                    request.Headers.Range = new RangeHeaderValue(offset, null);
                }

                return request;
            },
            _pull,
            operation,
            cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && offset > 0)
        {
            response.Dispose();
            return await OpenBlobAsync(digest, 0, cancellationToken).ConfigureAwait(false);
        }

        await RequireAsync(response, operation, RegistryFailure.BlobUnknown, cancellationToken).ConfigureAwait(false);
        long start = 0;
        if (response.StatusCode == HttpStatusCode.PartialContent)
        {
            ContentRangeHeaderValue? range = response.Content.Headers.ContentRange;
            if (range?.From is not { } from || from > offset)
            {
                response.Dispose();
                throw new RegistryException(
                    RegistryFailure.InvalidResponse, $"{operation}: the range that was asked for is not what was sent");
            }

            start = from;
        }

        Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        return new BlobBody(response, body, start);
    }

    /// <summary>
    /// Mounts a blob from another repository of the same registry. False when the registry does not: then nothing is
    /// left open there.
    /// </summary>
    public async Task<bool> MountBlobAsync(Digest digest, string fromRepository, CancellationToken cancellationToken)
    {
        string operation = $"mount blob {digest} of {fromRepository} into {Endpoint}";
        using HttpResponseMessage response = await SendAsync(
            host => new HttpRequestMessage(
                HttpMethod.Post,
                Url(host, $"blobs/uploads/?mount={digest}&from={Uri.EscapeDataString(fromRepository)}")),
            AuthScope.Mount(Name, fromRepository),
            operation,
            cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Accepted && response.Headers.Location is { } location)
        {
            await AbandonAsync(new Uri(response.RequestMessage!.RequestUri!, location), cancellationToken)
                .ConfigureAwait(false);
        }

        return response.StatusCode == HttpStatusCode.Created;
    }

    internal Task PauseAsync(int attempt, CancellationToken cancellationToken) =>
        Task.Delay(RetryPipeline.Pause(_connection.Options, attempt), _connection.Options.Time, cancellationToken);

    /// <summary>Ends an upload that will not be finished; what the server says does not matter.</summary>
    internal async Task AbandonAsync(Uri upload, CancellationToken cancellationToken)
    {
        try
        {
            using HttpResponseMessage response = await SendAsync(
                _ => new HttpRequestMessage(HttpMethod.Delete, upload), _push, "end an upload", cancellationToken, retry: false)
                .ConfigureAwait(false);
        }
        catch (RegistryException)
        {
            // It expires by itself.
        }
    }
}

/// <summary>A blob that is being read.</summary>
internal sealed class BlobBody : IAsyncDisposable
{
    private readonly HttpResponseMessage _response;

    public BlobBody(HttpResponseMessage response, Stream stream, long start)
    {
        _response = response;
        Stream = stream;
        Start = start;
    }

    /// <summary>The bytes.</summary>
    public Stream Stream { get; }

    /// <summary>The place of the first of them in the blob.</summary>
    public long Start { get; }

    public async ValueTask DisposeAsync()
    {
        await Stream.DisposeAsync().ConfigureAwait(false);
        _response.Dispose();
    }
}

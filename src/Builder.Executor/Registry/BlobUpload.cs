// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Net;
using Builder.Frontend.Naming;

namespace Builder.Executor.Registry;

/// <summary>How a blob came to be in a repository.</summary>
internal enum UploadOutcome
{
    /// <summary>It was there.</summary>
    Present,

    /// <summary>The registry took it from another of its repositories.</summary>
    Mounted,

    /// <summary>Its bytes were sent.</summary>
    Uploaded,
}

/// <summary>The bytes of a blob from an offset on; opened once an attempt, disposed by the upload.</summary>
internal delegate Task<Stream> BlobOpener(long offset, CancellationToken cancellationToken);

/// <summary>
/// Sends one blob: asks whether it is there, tries to mount it, then POST and one PUT, or, for a large one, POST, PATCH
/// and PUT, which goes on where it broke when the registry can say where that was. Source: distribution-spec, "Push".
/// </summary>
internal sealed class BlobUpload
{
    private const string OctetStream = "application/octet-stream";

    private readonly RegistryRepository _target;
    private readonly Digest _digest;
    private readonly long _sizeBytes;
    private readonly BlobOpener _open;
    private readonly Action<long>? _progress;
    private readonly string _operation;
    private Uri? _location;
    private long _offset;

    private BlobUpload(
        RegistryRepository target, Digest digest, long sizeBytes, BlobOpener open, Action<long>? progress)
    {
        _target = target;
        _digest = digest;
        _sizeBytes = sizeBytes;
        _open = open;
        _progress = progress;
        _operation = $"push blob {digest} to {target.Endpoint}";
    }

    /// <summary>Sends a blob. Idempotent: afterwards the repository has it, whatever brought it there.</summary>
    /// <param name="target">The repository.</param>
    /// <param name="digest">The blob's digest.</param>
    /// <param name="sizeBytes">Its size.</param>
    /// <param name="open">Gives its bytes; may be called several times.</param>
    /// <param name="mountFrom">Repositories of the same registry that may have it.</param>
    /// <param name="progress">Told how many bytes are sent.</param>
    /// <param name="cancellationToken">Cancels; the registry forgets what was sent.</param>
    /// <exception cref="RegistryException">It could not be sent.</exception>
    public static async Task<UploadOutcome> RunAsync(
        RegistryRepository target,
        Digest digest,
        long sizeBytes,
        BlobOpener open,
        ImmutableArray<string> mountFrom,
        Action<long>? progress,
        CancellationToken cancellationToken)
    {
        if (await target.HasBlobAsync(digest, cancellationToken).ConfigureAwait(false))
        {
            return UploadOutcome.Present;
        }

        foreach (string repository in mountFrom)
        {
            if (repository != target.Endpoint.Repository
                && await TryMountAsync(target, digest, repository, cancellationToken).ConfigureAwait(false))
            {
                return UploadOutcome.Mounted;
            }
        }

        await target.Connection.Transfers.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await new BlobUpload(target, digest, sizeBytes, open, progress).SendAsync(cancellationToken)
                .ConfigureAwait(false);
        }
        finally
        {
            target.Connection.Transfers.Release();
        }
    }

    /// <summary>A mount is a favour: when it is refused the blob is sent.</summary>
    private static async Task<bool> TryMountAsync(
        RegistryRepository target, Digest digest, string repository, CancellationToken cancellationToken)
    {
        try
        {
            return await target.MountBlobAsync(digest, repository, cancellationToken).ConfigureAwait(false);
        }
        catch (RegistryException e) when (e.Reason is not (RegistryFailure.Unreachable or RegistryFailure.Tls))
        {
            return false;
        }
    }

    private async Task<UploadOutcome> SendAsync(CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await SendOnceAsync(cancellationToken).ConfigureAwait(false);
                return UploadOutcome.Uploaded;
            }
            catch (RegistryException e) when (CanRepeat(e) && attempt <= _target.Connection.Options.Retries)
            {
                await _target.PauseAsync(attempt, cancellationToken).ConfigureAwait(false);
                if (await _target.HasBlobAsync(_digest, cancellationToken).ConfigureAwait(false))
                {
                    // Only the answer was lost.
                    return UploadOutcome.Uploaded;
                }

                await FindOffsetAsync(cancellationToken).ConfigureAwait(false);
            }
            catch when (_location is not null)
            {
                await _target.AbandonAsync(_location, CancellationToken.None).ConfigureAwait(false);
                throw;
            }
        }
    }

    private bool CanRepeat(RegistryException failure) =>
        failure.IsTransient
        || (_location is not null && (failure.StatusCode is HttpStatusCode.NotFound
            or HttpStatusCode.RequestedRangeNotSatisfiable
            || failure.Errors.Any(error => error.Code is "BLOB_UPLOAD_UNKNOWN" or "BLOB_UPLOAD_INVALID")));

    private async Task SendOnceAsync(CancellationToken cancellationToken)
    {
        _location ??= await StartAsync(cancellationToken).ConfigureAwait(false);
        bool isSentByPut = _sizeBytes <= RegistryLimits.ResumableUploadBytes;
        if (!isSentByPut && _offset < _sizeBytes)
        {
            await PatchAsync(cancellationToken).ConfigureAwait(false);
        }

        char separator = _location.Query.Length > 1 ? '&' : '?';
        Uri commit = new($"{_location.AbsoluteUri}{separator}digest={Uri.EscapeDataString(_digest.ToString())}");
        using HttpResponseMessage response = await RequestAsync(
            HttpMethod.Put, commit, () => isSentByPut ? Content(0, cancellationToken) : null, cancellationToken)
            .ConfigureAwait(false);
        await RegistryRepository.RequireAsync(response, _operation, RegistryFailure.NameUnknown, cancellationToken)
            .ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.Created && response.StatusCode != HttpStatusCode.NoContent)
        {
            throw new RegistryException(
                RegistryFailure.InvalidResponse, $"{_operation}: the upload ended with {(int)response.StatusCode}");
        }
    }

    private async Task<Uri> StartAsync(CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await _target.SendAsync(
            host => new HttpRequestMessage(HttpMethod.Post, _target.Url(host, "blobs/uploads/")),
            AuthScope.Push(_target.Endpoint.Repository),
            _operation,
            cancellationToken).ConfigureAwait(false);
        await RegistryRepository.RequireAsync(response, _operation, RegistryFailure.NameUnknown, cancellationToken)
            .ConfigureAwait(false);
        return Location(response)
            ?? throw new RegistryException(
                RegistryFailure.InvalidResponse, $"{_operation}: the registry opened an upload without a Location");
    }

    private async Task PatchAsync(CancellationToken cancellationToken)
    {
        long from = _offset;
        using HttpResponseMessage response = await RequestAsync(
            HttpMethod.Patch,
            _location!,
            () =>
            {
                BlobContent content = Content(from, cancellationToken);
                if (from > 0)
                {
                    // The spec's form is "FIRST-LAST" without a unit.
                    content.Headers.TryAddWithoutValidation("Content-Range", $"{from}-{_sizeBytes - 1}");
                }

                return content;
            },
            cancellationToken).ConfigureAwait(false);
        await RegistryRepository.RequireAsync(response, _operation, RegistryFailure.NameUnknown, cancellationToken)
            .ConfigureAwait(false);
        _location = Location(response) ?? _location;
        _offset = _sizeBytes;
    }

    /// <summary>After a failure: where the registry's copy ends, or a new upload when it cannot say.</summary>
    private async Task FindOffsetAsync(CancellationToken cancellationToken)
    {
        Uri? location = _location;
        _location = null;
        _offset = 0;
        if (location is null || _sizeBytes <= RegistryLimits.ResumableUploadBytes)
        {
            return;
        }

        try
        {
            using HttpResponseMessage response = await RequestAsync(HttpMethod.Get, location, () => null, cancellationToken)
                .ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.NoContent
                && response.Headers.TryGetValues("Range", out IEnumerable<string>? values)
                && RangeEnd(values.FirstOrDefault()) is > 0 and { } last && last < _sizeBytes)
            {
                _location = Location(response) ?? location;
                _offset = last + 1;
            }
        }
        catch (RegistryException)
        {
            // A new upload it is.
        }
    }

    /// <summary>The last byte of <c>[bytes=]0-LAST</c>. "0-0" is what registries say of an empty upload.</summary>
    private static long? RangeEnd(string? range)
    {
        string text = range ?? "";
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string[] ends = text[(equals + 1)..].Split('-');
        return ends.Length == 2 && ends[0].Trim() == "0" && long.TryParse(ends[1], out long last) ? last : null;
    }

    private Task<HttpResponseMessage> RequestAsync(
        HttpMethod method, Uri url, Func<HttpContent?> content, CancellationToken cancellationToken) =>
        _target.SendAsync(
            _ => new HttpRequestMessage(method, url) { Content = content() ?? EmptyBody(method) },
            AuthScope.Push(_target.Endpoint.Repository),
            _operation,
            cancellationToken,
            retry: false);

    /// <summary>A PUT without content says so by Content-Length: 0, which some registries insist on.</summary>
    private static ByteArrayContent? EmptyBody(HttpMethod method) =>
        method == HttpMethod.Put ? new ByteArrayContent([]) : null;

    private BlobContent Content(long offset, CancellationToken cancellationToken)
    {
        BlobContent content = new(_open, offset, _sizeBytes - offset, _progress, cancellationToken);
        content.Headers.TryAddWithoutValidation("Content-Type", OctetStream);
        return content;
    }

    /// <summary>
    /// The absolute address of the upload. A registry behind a proxy often does not know that it is reached by https;
    /// its own host then keeps the scheme that the request had.
    /// </summary>
    private static Uri? Location(HttpResponseMessage response)
    {
        if (response.Headers.Location is not { } location)
        {
            return null;
        }

        Uri request = response.RequestMessage!.RequestUri!;
        Uri target = location.IsAbsoluteUri ? location : new Uri(request, location);
        return target.Host == request.Host && target.Scheme != request.Scheme
            ? new UriBuilder(target) { Scheme = request.Scheme, Port = request.Port }.Uri
            : target;
    }
}

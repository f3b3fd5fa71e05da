// SPDX-License-Identifier: Apache-2.0

using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Polly;

namespace Builder.Executor.Registry;

/// <summary>
/// One registry host: its connections, its permission, its retries. Redirects are followed here and not by the handler,
/// because credentials must stay with the host that they belong to.
/// </summary>
internal sealed class RegistryConnection : IDisposable
{
    private static readonly ProductInfoHeaderValue s_userAgent = new("bld", "0.1");
    private static readonly TimeSpan s_headerLimit = TimeSpan.FromSeconds(RegistryLimits.StallSeconds);

    private readonly string _authority;
    private readonly bool _isInsecure;
    private readonly HttpClient _http;
    private readonly RegistryAuth _auth;
    private readonly ResiliencePipeline<HttpResponseMessage> _retries;
    private readonly SemaphoreSlim _choosing = new(1);
    private volatile Uri? _base;

    public RegistryConnection(RegistryEndpoint endpoint, RegistryOptions options, CredentialStore credentials)
    {
        Options = options;
        _authority = endpoint.Authority;
        _isInsecure = endpoint.IsInsecure;
        _base = _isInsecure ? null : new Uri($"https://{_authority}/");
        _http = new HttpClient(CreateHandler(endpoint, options)) { Timeout = Timeout.InfiniteTimeSpan };
        _retries = RetryPipeline.Create(options);
        _auth = new RegistryAuth(endpoint.Registry, _isInsecure, credentials, SendPlainAsync, options.Time);
        Transfers = new SemaphoreSlim(options.TransfersPerRegistry);
    }

    public RegistryOptions Options { get; }

    /// <summary>Limits how many blobs are moved at the same time; manifests do not wait for it.</summary>
    public SemaphoreSlim Transfers { get; }

    /// <summary>
    /// Sends a request with what the registry wants for permission, follows redirects of GET and HEAD, and tries
    /// transient failures again. Any status may come back; the caller disposes the answer.
    /// </summary>
    /// <param name="make">Makes the request anew for every attempt, relative to the host's address.</param>
    /// <param name="scope">What the request needs.</param>
    /// <param name="repository">The repository, for credentials that are kept by path.</param>
    /// <param name="operation">For messages: what is being done.</param>
    /// <param name="retry">False when repeating would not be safe or the caller does it.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RegistryException">No answer.</exception>
    public async Task<HttpResponseMessage> SendAsync(
        Func<Uri, HttpRequestMessage> make,
        AuthScope scope,
        string repository,
        string operation,
        bool retry,
        CancellationToken cancellationToken)
    {
        try
        {
            if (!retry)
            {
                return await SendWithAuthAsync(make, scope, repository, cancellationToken).ConfigureAwait(false);
            }

            return await _retries.ExecuteAsync(
                async token => await SendWithAuthAsync(make, scope, repository, token).ConfigureAwait(false),
                cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException)
        {
            throw RegistryErrors.FromFailure(e, operation, _base ?? new Uri($"http://{_authority}/"));
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _auth.Dispose();
        _choosing.Dispose();
        Transfers.Dispose();
    }

    private static SocketsHttpHandler CreateHandler(RegistryEndpoint endpoint, RegistryOptions options) => new()
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = TimeSpan.FromSeconds(RegistryLimits.ConnectSeconds),
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        UseCookies = false,
        UseProxy = !RegistryEndpoint.IsLoopback(endpoint.Authority),
        SslOptions = RegistryCertificates.For(endpoint.Authority, endpoint.IsInsecure, options),
        ConnectCallback = ConnectAsync,
    };

    private static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // A peer that vanished without a word is noticed within about a minute, also in the middle of an upload.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<HttpResponseMessage> SendWithAuthAsync(
        Func<Uri, HttpRequestMessage> make, AuthScope scope, string repository, CancellationToken cancellationToken)
    {
        Uri host = _base ?? await ChooseSchemeAsync(cancellationToken).ConfigureAwait(false);
        for (bool isFirst = true; ; isFirst = false)
        {
            HttpRequestMessage request = make(host);
            if (request.RequestUri!.Scheme == host.Scheme && request.RequestUri.Authority == host.Authority)
            {
                await _auth.ApplyAsync(request, scope, repository, cancellationToken).ConfigureAwait(false);
            }

            HttpResponseMessage response = await SendFollowingAsync(request, cancellationToken).ConfigureAwait(false);
            bool isOwn = response.RequestMessage?.RequestUri?.Authority == request.RequestUri!.Authority;
            if (response.StatusCode != HttpStatusCode.Unauthorized || !isOwn || !_auth.Learn(response, scope, isFirst))
            {
                return response;
            }

            response.Dispose();
        }
    }

    /// <summary>Requests to the token server: no permission of their own.</summary>
    private async Task<HttpResponseMessage> SendPlainAsync(
        Func<HttpRequestMessage> make, CancellationToken cancellationToken)
    {
        // Not through the retries: the request that needs the token is tried again as a whole, and this within it.
        HttpResponseMessage response = await SendFollowingAsync(make(), cancellationToken).ConfigureAwait(false);
        return RegistryErrors.IsTransient(response.StatusCode)
            ? throw await RegistryErrors.FromResponseAsync(
                response, $"log in to {_authority}", RegistryFailure.Refused, cancellationToken).ConfigureAwait(false)
            : response;
    }

    private async Task<HttpResponseMessage> SendFollowingAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        for (int hops = 0; ; hops++)
        {
            request.Headers.UserAgent.Add(s_userAgent);
            HttpResponseMessage response = await SendOnceAsync(request, cancellationToken).ConfigureAwait(false);
            if (NextHop(request, response) is not { } next)
            {
                return response;
            }

            response.Dispose();
            if (hops == RegistryLimits.MaxRedirects)
            {
                throw new RegistryException(
                    RegistryFailure.InvalidResponse, $"{RedactedUrl.Of(request.RequestUri!)}: too many redirects");
            }

            request = next;
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Content is not null)
        {
            // How long a body takes to send is not limited; keep-alive finds a peer that is gone.
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken)
                .ConfigureAwait(false);
        }

        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_headerLimit);
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException("no answer", e);
        }
    }

    private static HttpRequestMessage? NextHop(HttpRequestMessage request, HttpResponseMessage response)
    {
        if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location
            || !(request.Method == HttpMethod.Get || request.Method == HttpMethod.Head))
        {
            return null;
        }

        Uri from = request.RequestUri!;
        Uri target = location.IsAbsoluteUri ? location : new Uri(from, location);
        if (!(target.Scheme == Uri.UriSchemeHttps || (target.Scheme == Uri.UriSchemeHttp && from.Scheme == Uri.UriSchemeHttp)))
        {
            throw new RegistryException(
                RegistryFailure.InvalidResponse,
                $"{RedactedUrl.Of(from)}: redirected from https to {RedactedUrl.Of(target)}");
        }

        HttpRequestMessage next = new(request.Method, target);
        bool isSameHost = target.Scheme == from.Scheme && target.Authority == from.Authority;
        foreach (KeyValuePair<string, IEnumerable<string>> header in request.Headers.NonValidated
            .Select(h => KeyValuePair.Create(h.Key, (IEnumerable<string>)h.Value)))
        {
            if (header.Key is not ("Host" or "User-Agent") && (isSameHost || header.Key != "Authorization"))
            {
                next.Headers.TryAddWithoutValidation(header.Key, header.Value);
            }
        }

        return next;
    }

    /// <summary>
    /// An insecure registry speaks https without a valid certificate, or plain http. On this machine http is tried
    /// first; elsewhere https. Nothing secret is sent to find out.
    /// </summary>
    private async Task<Uri> ChooseSchemeAsync(CancellationToken cancellationToken)
    {
        await _choosing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_base is { } known)
            {
                return known;
            }

            string[] schemes = RegistryEndpoint.IsLoopback(_authority) ? ["http", "https"] : ["https", "http"];
            Uri first = new($"{schemes[0]}://{_authority}/");
            Uri second = new($"{schemes[1]}://{_authority}/");
            return _base = await SpeaksAsync(first, cancellationToken).ConfigureAwait(false)
                || !await SpeaksAsync(second, cancellationToken).ConfigureAwait(false)
                ? first
                : second;
        }
        finally
        {
            _choosing.Release();
        }
    }

    private async Task<bool> SpeaksAsync(Uri host, CancellationToken cancellationToken)
    {
        try
        {
            using HttpRequestMessage request = new(HttpMethod.Get, new Uri(host, "v2/"));
            using HttpResponseMessage response = await SendOnceAsync(request, cancellationToken).ConfigureAwait(false);

            // A TLS port answers plain http with 400.
            if (response.StatusCode == HttpStatusCode.BadRequest)
            {
                return false;
            }

            if (response.StatusCode == HttpStatusCode.Unauthorized)
            {
                _auth.Learn(response, AuthScope.None, isFirst: true);
            }

            return true;
        }
        catch (HttpRequestException e) when (
            e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused }
            && host.Authority.Contains(':', StringComparison.Ordinal))
        {
            // Same port for both: nothing listens.
            throw;
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException)
        {
            return false;
        }
    }
}

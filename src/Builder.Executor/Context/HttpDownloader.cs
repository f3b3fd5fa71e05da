// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Frontend.Naming;

namespace Builder.Executor.Context;

/// <summary>A file that was downloaded, kept in the store's cache under its digest.</summary>
/// <param name="Path">Where it is on disk.</param>
/// <param name="Digest">SHA-256 of its content.</param>
/// <param name="ModifiedSeconds">Last-Modified, or 0 when the server does not say.</param>
/// <param name="FileName">The name in Content-Disposition, without directories, or null.</param>
/// <param name="Size">Its length.</param>
internal sealed record DownloadedFile(string Path, Digest Digest, long ModifiedSeconds, string? FileName, long Size);

/// <summary>
/// Downloads files over http(s) and remembers what the server said of them: an unchanged file is asked for by its ETag and
/// not sent again. Credentials come from the build's secrets and go to the named host only. Thread-safe.
/// </summary>
internal sealed class HttpDownloader : IDisposable
{
    private const int MaxRedirects = 10;
    private const int ConnectSeconds = 30;
    private const int StallSeconds = 120;
    private const int Attempts = 4;
    private const int CopyBytes = 128 * 1024;

    private static readonly ProductInfoHeaderValue s_userAgent = new("bld", "0.1");

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = TimeSpan.FromSeconds(ConnectSeconds),
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private readonly Store _store;
    private readonly Func<string, string?> _secret;
    private readonly TimeProvider _time;

    /// <summary>Creates a downloader.</summary>
    /// <param name="store">Keeps the files.</param>
    /// <param name="secret">Gives a build secret by its id, or null.</param>
    /// <param name="time">The clock.</param>
    public HttpDownloader(Store store, Func<string, string?> secret, TimeProvider time)
    {
        _store = store;
        _secret = secret;
        _time = time;
    }

    private string Directory => Path.Combine(_store.CachePath, "http");

    /// <summary>Gets a file.</summary>
    /// <exception cref="ContextException">Unreachable, or the server refuses.</exception>
    public async Task<DownloadedFile> GetAsync(Uri url, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await TryGetAsync(url, cancellationToken);
            }
            catch (Exception exception) when (IsTransient(exception) && !cancellationToken.IsCancellationRequested)
            {
                if (attempt == Attempts)
                {
                    throw new ContextException(
                        ContextFailure.Unreadable, $"download {Show(url)}: {Reason(exception)}", exception);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(200 << attempt), _time, cancellationToken);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>A URL as messages may show it: without user, password and query.</summary>
    internal static string Show(Uri url) =>
        url.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    private static bool IsTransient(Exception exception) => exception switch
    {
        HttpRequestException { StatusCode: null or >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests } => true,
        IOException or TimeoutException or OperationCanceledException => true,
        _ => false,
    };

    private static string Reason(Exception exception) => exception switch
    {
        HttpRequestException { StatusCode: { } status } => $"the server answers {(int)status}",
        OperationCanceledException or TimeoutException => $"nothing came for {StallSeconds} seconds",
        // "... see inner exception" sends the reader nowhere
        { InnerException: { } inner } when exception.Message.Contains("inner exception", StringComparison.Ordinal) => Reason(inner),
        System.Security.Authentication.AuthenticationException tls when tls.Message.Contains("frame", StringComparison.Ordinal) =>
            "the server does not speak TLS at this port",
        _ => exception.Message.ToLowerInvariant().TrimEnd('.'),
    };

    private async Task<DownloadedFile> TryGetAsync(Uri url, CancellationToken cancellationToken)
    {
        DownloadRecord? known = DownloadRecord.Load(RecordPath(url));
        if (known is not null && !File.Exists(ContentPath(known.Digest)))
        {
            known = null;
        }

        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stall.CancelAfter(TimeSpan.FromSeconds(StallSeconds));
        using HttpResponseMessage response = await SendAsync(url, known, stall.Token);
        if (response.StatusCode == HttpStatusCode.NotModified && known is not null)
        {
            return ToFile(known);
        }

        if (!response.IsSuccessStatusCode)
        {
            string message = $"download {Show(url)}: the server answers {(int)response.StatusCode}";
            throw IsTransientStatus(response.StatusCode)
                ? new HttpRequestException(message, null, response.StatusCode)
                : new ContextException(
                    response.StatusCode == HttpStatusCode.NotFound ? ContextFailure.NotFound : ContextFailure.Unreadable, message);
        }

        Digest digest = await SaveAsync(response, stall);
        var record = new DownloadRecord(
            digest,
            response.Headers.ETag?.ToString(),
            response.Content.Headers.LastModified?.ToUnixTimeSeconds(),
            CleanName(response.Content.Headers.ContentDisposition));
        record.Save(RecordPath(url));
        return ToFile(record);
    }

    private static bool IsTransientStatus(HttpStatusCode status) =>
        status is >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout;

    /// <summary>Follows redirects; credentials stay with the host that they were given for.</summary>
    private async Task<HttpResponseMessage> SendAsync(Uri url, DownloadRecord? known, CancellationToken cancellationToken)
    {
        for (int i = 0; i <= MaxRedirects; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            request.Headers.UserAgent.Add(s_userAgent);
            Authorize(request, url);
            if (known?.ETag is { } tag)
            {
                request.Headers.TryAddWithoutValidation("If-None-Match", tag);
            }
            else if (known?.LastModified is { } modified)
            {
                request.Headers.IfModifiedSince = DateTimeOffset.FromUnixTimeSeconds(modified);
            }

            HttpResponseMessage response = await _http.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!IsRedirect(response.StatusCode) || response.Headers.Location is not { } location)
            {
                return response;
            }

            response.Dispose();
            Uri next = new(url, location);
            if (next.Scheme is not ("http" or "https") || (url.Scheme == "https" && next.Scheme == "http"))
            {
                throw new ContextException(
                    ContextFailure.Invalid, $"download {Show(url)}: refused to follow a redirect to {next.Scheme}");
            }

            url = next;
        }

        throw new ContextException(ContextFailure.Invalid, $"download {Show(url)}: more than {MaxRedirects} redirects");
    }

    private static bool IsRedirect(HttpStatusCode status) => status is HttpStatusCode.MovedPermanently or HttpStatusCode.Found
        or HttpStatusCode.SeeOther or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;

    private void Authorize(HttpRequestMessage request, Uri url)
    {
        // As Go names a host: with the port when the URL has one.
        if ((_secret($"HTTP_AUTH_HEADER_{url.Authority}") ?? _secret($"HTTP_AUTH_HEADER_{url.Host}")) is { } header)
        {
            request.Headers.TryAddWithoutValidation("Authorization", header.Trim());
        }
        else if ((_secret($"HTTP_AUTH_TOKEN_{url.Authority}") ?? _secret($"HTTP_AUTH_TOKEN_{url.Host}")) is { } token)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token.Trim()}");
        }
        else if (url.UserInfo.Length > 0)
        {
            byte[] pair = System.Text.Encoding.UTF8.GetBytes(Uri.UnescapeDataString(url.UserInfo));
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(pair));
        }
    }

    private async Task<Digest> SaveAsync(HttpResponseMessage response, CancellationTokenSource stall)
    {
        System.IO.Directory.CreateDirectory(Directory);
        string temporary = _store.Tmp.NewPath("download");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long length = 0;
        await using (Stream content = await response.Content.ReadAsStreamAsync(stall.Token))
        await using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            byte[] buffer = new byte[CopyBytes];
            int count;
            while ((count = await content.ReadAsync(buffer, stall.Token)) > 0)
            {
                stall.CancelAfter(TimeSpan.FromSeconds(StallSeconds));
                hash.AppendData(buffer, 0, count);
                await file.WriteAsync(buffer.AsMemory(0, count), stall.Token);
                length += count;
            }
        }

        if (response.Content.Headers.ContentLength is { } expected && expected != length)
        {
            File.Delete(temporary);
            throw new HttpRequestException($"the connection ended after {length} of {expected} bytes");
        }

        Digest digest = Digest.FromHash(hash.GetHashAndReset());
        File.Move(temporary, ContentPath(digest), overwrite: true);
        return digest;
    }

    private DownloadedFile ToFile(DownloadRecord record)
    {
        string path = ContentPath(record.Digest);
        return new DownloadedFile(
            path, record.Digest, record.LastModified ?? 0, record.FileName, new FileInfo(path).Length);
    }

    private static string? CleanName(ContentDispositionHeaderValue? disposition)
    {
        string? name = (disposition?.FileNameStar ?? disposition?.FileName)?.Trim('"').Replace('\\', '/');
        name = name is null ? null : Path.GetFileName(name);
        return name is null or "" or "." or ".." || name.Any(char.IsControl) ? null : name;
    }

    private string RecordPath(Uri url) => Path.Combine(
        Directory, Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(url.AbsoluteUri))) + ".url");

    private string ContentPath(Digest digest) => Path.Combine(Directory, digest.Hex);
}

/// <summary>What a server said of a file: digest, ETag, time and name, one a line.</summary>
internal sealed record DownloadRecord(Digest Digest, string? ETag, long? LastModified, string? FileName)
{
    private const int Lines = 4;

    /// <summary>Reads a record; null when there is none or it is damaged.</summary>
    public static DownloadRecord? Load(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        if (lines.Length != Lines || !Digest.TryParse(lines[0], out Digest digest))
        {
            return null;
        }

        long? modified = long.TryParse(lines[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long seconds)
            ? seconds
            : null;
        return new DownloadRecord(digest, NullIfEmpty(lines[1]), modified, NullIfEmpty(lines[3]));
    }

    /// <summary>Writes the record by one rename.</summary>
    public void Save(string path)
    {
        string temporary = $"{path}.{Environment.ProcessId}.{Environment.CurrentManagedThreadId}";
        string modified = LastModified?.ToString(CultureInfo.InvariantCulture) ?? "";
        File.WriteAllText(temporary, $"{Digest}\n{ETag}\n{modified}\n{FileName}\n");
        File.Move(temporary, path, overwrite: true);
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}

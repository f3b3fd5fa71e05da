// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Net;

namespace Builder.TestSupport.Registry;

/// <summary>A small HTTP server on loopback that a test scripts; it notes every request.</summary>
public sealed class HttpStub : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Action<HttpListenerContext> _answer;

    public HttpStub(Action<HttpListenerContext> answer)
    {
        _answer = answer;
        Port = RegistryServer.FreePort();
        _listener.Prefixes.Add($"http://127.0.0.1:{Port}/");
        _listener.Start();
        _ = Task.Run(ServeAsync);
    }

    public int Port { get; }

    public string Authority => $"127.0.0.1:{Port}";

    /// <summary>METHOD path?query, in order of arrival.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>The Authorization header of each request, or "".</summary>
    public ConcurrentQueue<string> Authorizations { get; } = new();

    /// <summary>Ends an answer.</summary>
    public static void Reply(
        HttpListenerContext context, int status, string body = "", string type = "application/json",
        params ReadOnlySpan<(string Name, string Value)> headers) =>
        Reply(context, status, System.Text.Encoding.UTF8.GetBytes(body), type, headers);

    /// <summary>Ends an answer.</summary>
    public static void Reply(
        HttpListenerContext context, int status, byte[] body, string type = "application/octet-stream",
        params ReadOnlySpan<(string Name, string Value)> headers)
    {
        HttpListenerResponse response = context.Response;
        response.StatusCode = status;
        response.ContentType = type;
        foreach ((string name, string value) in headers)
        {
            response.AddHeader(name, value);
        }

        if (context.Request.HttpMethod == "HEAD" || status is 204 or 304)
        {
            response.Close();
            return;
        }

        response.ContentLength64 = body.Length;
        response.Close(body, willBlock: true);
    }

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            Requests.Enqueue($"{context.Request.HttpMethod} {context.Request.RawUrl}");
            Authorizations.Enqueue(context.Request.Headers["Authorization"] ?? "");
            _ = Task.Run(() =>
            {
                try
                {
                    _answer(context);
                }
                catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
                {
                    // The client went away.
                }
            });
        }
    }
}

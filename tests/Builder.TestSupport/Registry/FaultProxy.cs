// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Builder.TestSupport.Registry;

/// <summary>What the proxy does with one request.</summary>
public abstract record Fault
{
    /// <summary>Closes with a reset before anything is answered.</summary>
    public sealed record Reset : Fault;

    /// <summary>Answers itself.</summary>
    public sealed record Status(int Code, string Headers = "", string Body = "") : Fault;

    /// <summary>Passes on so many bytes of the answer's body, then resets.</summary>
    public sealed record CutAnswer(int BodyBytes) : Fault;

    /// <summary>Changes one byte of the answer's body.</summary>
    public sealed record CorruptAnswer(int AtByte) : Fault;

    /// <summary>Passes on so many bytes of the request's body, then resets on both sides.</summary>
    public sealed record CutRequest(int BodyBytes) : Fault;
}

/// <summary>A proxy in front of a registry that breaks what a test wants broken. One request a connection.</summary>
public sealed class FaultProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int _target;
    private readonly Func<string, int, Fault?> _choose;
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);

    /// <summary>Starts the proxy.</summary>
    /// <param name="target">The registry's port.</param>
    /// <param name="choose">Given "METHOD PATH" and how many of the same came before: what to do, or null to pass.</param>
    public FaultProxy(int target, Func<string, int, Fault?> choose)
    {
        _target = target;
        _choose = choose;
        _listener.Start();
        _ = Task.Run(AcceptAsync);
    }

    public string Authority => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>The first line and the headers of every request.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Every request that was passed on: "METHOD PATH", and the bytes of both bodies.</summary>
    public ConcurrentQueue<(string Request, long SentBytes, long ReceivedBytes)> Exchanges { get; } = new();

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                TcpClient client = await _listener.AcceptTcpClientAsync().ConfigureAwait(false);
                _ = Task.Run(() => ServeAsync(client));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream near = client.GetStream();
                string? head = await ReadHeadAsync(near).ConfigureAwait(false);
                if (head is null)
                {
                    return;
                }

                Requests.Enqueue(head);
                string[] words = head.Split(' ', 3);
                string key = $"{words[0]} {words[1].Split('?')[0]}";
                Fault? fault = _choose(key, _counts.AddOrUpdate(key, 0, (_, count) => count + 1));
                await ApplyAsync(client, near, head, fault).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
            {
                // Either side went away.
            }
        }
    }

    private async Task ApplyAsync(TcpClient client, NetworkStream near, string head, Fault? fault)
    {
        if (fault is Fault.Reset)
        {
            Break(client);
            return;
        }

        if (fault is Fault.Status status)
        {
            await near.WriteAsync(Encoding.ASCII.GetBytes(
                $"HTTP/1.1 {status.Code} Fault\r\nConnection: close\r\n{status.Headers}"
                + $"Content-Length: {status.Body.Length}\r\n\r\n{status.Body}")).ConfigureAwait(false);
            await DrainAsync(near, Length(head)).ConfigureAwait(false);
            return;
        }

        using TcpClient far = new();
        await far.ConnectAsync(IPAddress.Loopback, _target).ConfigureAwait(false);
        NetworkStream registry = far.GetStream();
        int end = head.IndexOf("\r\n", StringComparison.Ordinal);
        await registry.WriteAsync(Encoding.ASCII.GetBytes(head.Insert(end, "\r\nConnection: close"))).ConfigureAwait(false);
        long bodyBytes = Length(head);
        if (fault is Fault.CutRequest cut)
        {
            await CopyAsync(near, registry, Math.Min(cut.BodyBytes, bodyBytes)).ConfigureAwait(false);
            await Task.Delay(100).ConfigureAwait(false);
            Break(far);
            Break(client);
            return;
        }

        await CopyAsync(near, registry, bodyBytes).ConfigureAwait(false);
        string answer = await ReadHeadAsync(registry).ConfigureAwait(false) ?? "";
        await near.WriteAsync(Encoding.ASCII.GetBytes(answer)).ConfigureAwait(false);
        switch (fault)
        {
            case Fault.CutAnswer some:
                await CopyAsync(registry, near, some.BodyBytes).ConfigureAwait(false);
                await Task.Delay(50).ConfigureAwait(false);
                Break(client);
                break;
            case Fault.CorruptAnswer corrupt:
                await CopyAsync(registry, near, corrupt.AtByte).ConfigureAwait(false);
                near.WriteByte((byte)(registry.ReadByte() ^ 1));
                await registry.CopyToAsync(near).ConfigureAwait(false);
                break;
            default:
                long received = await CopyAsync(registry, near, long.MaxValue).ConfigureAwait(false);
                Exchanges.Enqueue((head[..head.IndexOf(" HTTP", StringComparison.Ordinal)], bodyBytes, received));
                break;
        }
    }

    private static void Break(TcpClient client)
    {
        client.LingerState = new LingerOption(true, 0);
        client.Close();
    }

    private static long Length(string head)
    {
        foreach (string line in head.Split("\r\n"))
        {
            if (line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
            {
                return long.Parse(line[15..].Trim(), CultureInfo.InvariantCulture);
            }
        }

        return 0;
    }

    private static async Task DrainAsync(NetworkStream stream, long count)
    {
        byte[] buffer = new byte[64 * 1024];
        while (count > 0)
        {
            int read = await stream.ReadAsync(buffer).ConfigureAwait(false);
            if (read == 0)
            {
                return;
            }

            count -= read;
        }
    }

    private static async Task<long> CopyAsync(NetworkStream from, NetworkStream to, long count)
    {
        byte[] buffer = new byte[64 * 1024];
        long copied = 0;
        while (copied < count)
        {
            int read = await from.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, count - copied)))
                .ConfigureAwait(false);
            if (read == 0)
            {
                break;
            }

            await to.WriteAsync(buffer.AsMemory(0, read)).ConfigureAwait(false);
            copied += read;
        }

        return copied;
    }

    private static async Task<string?> ReadHeadAsync(NetworkStream stream)
    {
        StringBuilder head = new();
        byte[] one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one).ConfigureAwait(false) == 0)
            {
                return null;
            }

            head.Append((char)one[0]);
        }

        return head.ToString();
    }
}

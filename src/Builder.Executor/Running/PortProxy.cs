// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace Builder.Executor.Running;

/// <summary>
/// Publishes ports: listens outside and connects inside, where "inside" is wherever <paramref name="createInside"/> makes
/// its sockets.
/// </summary>
internal sealed class PortProxy(Func<AddressFamily, SocketType, Socket> createInside) : IDisposable
{
    private const int Backlog = 512;
    private const int BufferBytes = 64 * 1024;
    private const int MaxDatagramBytes = 65_535;
    private const int UdpIdleSeconds = 60;

    private readonly List<Socket> _listeners = [];
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Starts to publish; gives the mappings with the ports that were chosen.</summary>
    /// <exception cref="RunException">A port is taken or not permitted.</exception>
    public ImmutableArray<PortMapping> Publish(ImmutableArray<PortMapping> mappings) => [.. mappings.Select(Publish)];

    /// <summary>Stops listening and closes every connection.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _listeners.ForEach(listener => listener.Dispose());
        _stop.Dispose();
    }

    private PortMapping Publish(PortMapping mapping)
    {
        Socket listener = Listen(mapping);
        _listeners.Add(listener);
        CancellationToken stop = _stop.Token;
        _ = mapping.Protocol == "udp"
            ? Task.Run(() => ForwardDatagramsAsync(listener, mapping.ContainerPort, stop), CancellationToken.None)
            : Task.Run(() => AcceptAsync(listener, mapping.ContainerPort, stop), CancellationToken.None);
        return mapping with { HostPort = ((IPEndPoint)listener.LocalEndPoint!).Port };
    }

    private static Socket Listen(PortMapping mapping)
    {
        bool anywhere = mapping.HostAddress.Length == 0;
        IPAddress address = !anywhere ? IPAddress.Parse(mapping.HostAddress)
            : Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        bool isUdp = mapping.Protocol == "udp";
        Socket socket = new(address.AddressFamily, isUdp ? SocketType.Dgram : SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = anywhere;
            }

            if (!isUdp)
            {
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            }

            socket.Bind(new IPEndPoint(address, mapping.HostPort));
            if (!isUdp)
            {
                socket.Listen(Backlog);
            }

            return socket;
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw new RunException(
                RunFailure.NotStarted, $"publish port {mapping.HostPort}: {exception.Message.ToLowerInvariant()}", exception)
            {
                Hint = exception.SocketErrorCode == SocketError.AddressAlreadyInUse
                    ? $"something listens on {mapping.HostPort} already: choose another port"
                    : "ports below 1024 are often reserved for root",
            };
        }
    }

    private async Task AcceptAsync(Socket listener, int port, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                Socket outside = await listener.AcceptAsync(stop);
                _ = Task.Run(() => ForwardAsync(outside, port, stop), CancellationToken.None);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // The next turn ends the loop when this was the stop.
                if (exception is ObjectDisposedException)
                {
                    return;
                }
            }
        }
    }

    private async Task ForwardAsync(Socket outside, int port, CancellationToken stop)
    {
        using (outside)
        {
            try
            {
                using Socket inside = await ConnectAsync(port, stop);
                outside.NoDelay = true;
                inside.NoDelay = true;
                await Task.WhenAll(CopyAsync(outside, inside, stop), CopyAsync(inside, outside, stop));
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // The peer sees its connection end; there is nobody else to tell.
            }
        }
    }

    private async Task<Socket> ConnectAsync(int port, CancellationToken stop)
    {
        Socket socket = createInside(AddressFamily.InterNetwork, SocketType.Stream);
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port, stop);
            return socket;
        }
        catch (SocketException) when (Socket.OSSupportsIPv6)
        {
            socket.Dispose();
            socket = createInside(AddressFamily.InterNetworkV6, SocketType.Stream);
            await socket.ConnectAsync(IPAddress.IPv6Loopback, port, stop);
            return socket;
        }
    }

    private static async Task CopyAsync(Socket from, Socket to, CancellationToken stop)
    {
        byte[] buffer = new byte[BufferBytes];
        int count;
        while ((count = await from.ReceiveAsync(buffer, SocketFlags.None, stop)) > 0)
        {
            for (int sent = 0; sent < count;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), SocketFlags.None, stop);
            }
        }

        // One direction has ended; the other may go on.
        to.Shutdown(SocketShutdown.Send);
    }

    private async Task ForwardDatagramsAsync(Socket outside, int port, CancellationToken stop)
    {
        ConcurrentDictionary<EndPoint, Socket> sessions = new();
        byte[] buffer = new byte[MaxDatagramBytes];
        EndPoint any = new IPEndPoint(
            outside.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        try
        {
            while (!stop.IsCancellationRequested)
            {
                SocketReceiveFromResult received = await outside.ReceiveFromAsync(buffer, SocketFlags.None, any, stop);
                if (!sessions.TryGetValue(received.RemoteEndPoint, out Socket? inside))
                {
                    inside = createInside(AddressFamily.InterNetwork, SocketType.Dgram);
                    await inside.ConnectAsync(IPAddress.Loopback, port, stop);
                    sessions[received.RemoteEndPoint] = inside;
                    _ = Task.Run(() => AnswerAsync(inside, received.RemoteEndPoint, outside, sessions, stop), CancellationToken.None);
                }

                await SendQuietlyAsync(inside, buffer.AsMemory(0, received.ReceivedBytes), stop);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Stopped.
        }
    }

    private static async Task SendQuietlyAsync(Socket inside, ReadOnlyMemory<byte> datagram, CancellationToken stop)
    {
        try
        {
            await inside.SendAsync(datagram, SocketFlags.None, stop);
        }
        catch (SocketException)
        {
            // Nobody listens inside: a datagram may be lost.
        }
    }

    private static async Task AnswerAsync(
        Socket inside, EndPoint client, Socket outside, ConcurrentDictionary<EndPoint, Socket> sessions, CancellationToken stop)
    {
        byte[] buffer = new byte[MaxDatagramBytes];
        try
        {
            while (true)
            {
                using CancellationTokenSource idle = CancellationTokenSource.CreateLinkedTokenSource(stop);
                idle.CancelAfter(TimeSpan.FromSeconds(UdpIdleSeconds));
                int count = await inside.ReceiveAsync(buffer, SocketFlags.None, idle.Token);
                await outside.SendToAsync(buffer.AsMemory(0, count), SocketFlags.None, client, stop);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            sessions.TryRemove(client, out _);
            inside.Dispose();
        }
    }
}

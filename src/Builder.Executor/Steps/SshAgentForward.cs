// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Builder.Executor.Interop;

namespace Builder.Executor.Steps;

/// <summary>
/// A socket for a step that leads to an ssh agent of the host, with an owner and a mode of its own; the agent's socket
/// itself is not shown. It listens until it is disposed of.
/// </summary>
internal sealed class SshAgentForward : IDisposable
{
    /// <summary>The socket's name in its directory.</summary>
    public const string SocketName = "agent";

    private const int Backlog = 16;

    private readonly Socket _listener;
    private readonly string _agent;

    private SshAgentForward(Socket listener, string agent)
    {
        _listener = listener;
        _agent = agent;
    }

    /// <summary>Begins to listen.</summary>
    /// <param name="agent">The agent's socket.</param>
    /// <param name="directory">A held directory in which the socket is made.</param>
    /// <param name="mode">Its mode.</param>
    /// <param name="userId">Its owner.</param>
    /// <param name="groupId">Its group.</param>
    /// <param name="hasSingleId">The disk cannot hold owners.</param>
    public static SshAgentForward Start(
        string agent, int directory, int mode, uint userId, uint groupId, bool hasSingleId)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(string.Create(
            CultureInfo.InvariantCulture, $"/proc/self/fd/{directory}/{SocketName}")));
        byte[] name = Encoding.ASCII.GetBytes(SocketName);
        AtCalls.Chmod(directory, name, mode);
        if ((userId, groupId) != (0, 0) && !AtCalls.RawChown(directory, name, userId, groupId) && !hasSingleId)
        {
            throw AtCalls.Failure("change owner of", directory, name);
        }

        listener.Listen(Backlog);
        var forward = new SshAgentForward(listener, agent);
        _ = forward.AcceptAsync();
        return forward;
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ForwardAsync(await _listener.AcceptAsync().ConfigureAwait(false));
            }
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            // Disposed of: the step is over.
        }
    }

    private async Task ForwardAsync(Socket client)
    {
        using (client)
        using (var agent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            try
            {
                await agent.ConnectAsync(new UnixDomainSocketEndPoint(_agent)).ConfigureAwait(false);
                using var inside = new NetworkStream(client);
                using var outside = new NetworkStream(agent);
                await Task.WhenAny(inside.CopyToAsync(outside), outside.CopyToAsync(inside)).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is SocketException or IOException)
            {
                // The client sees its connection closed, as with an agent that has gone.
            }
        }
    }
}

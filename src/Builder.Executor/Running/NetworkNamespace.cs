// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Net.Sockets;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Running;

/// <summary>
/// A thread that lives in a container's network namespace. Sockets that it makes belong to the namespace whoever uses
/// them later: that is how published ports reach the inside without a helper process.
/// </summary>
internal sealed class NetworkNamespace : IDisposable
{
    private readonly DedicatedThread _thread = new("network-namespace");

    /// <summary>Enters the namespace of a process.</summary>
    /// <exception cref="LinuxException">The process is gone, or its namespace is not ours to enter.</exception>
    public NetworkNamespace(int pid)
    {
        _ = _thread.Invoke(() =>
        {
            using SafeFileHandle handle = File.OpenHandle(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/net"));
            Libc.EnterNetworkNamespace(handle);
            return true;
        });
    }

    /// <summary>Makes a socket inside.</summary>
    public Socket CreateSocket(AddressFamily family, SocketType type) =>
        _thread.Invoke(() => new Socket(family, type, ProtocolType.Unspecified));

    /// <summary>Lets the thread end.</summary>
    public void Dispose() => _thread.Dispose();
}

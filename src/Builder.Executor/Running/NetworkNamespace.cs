// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using Builder.Executor.Interop;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Running;

/// <summary>
/// A thread that lives in a container's network namespace. Sockets that it makes belong to the namespace whoever uses
/// them later: that is how published ports reach the inside without a helper process.
/// </summary>
internal sealed class NetworkNamespace : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    /// <summary>Enters the namespace of a process.</summary>
    /// <exception cref="LinuxException">The process is gone, or its namespace is not ours to enter.</exception>
    public NetworkNamespace(int pid)
    {
        _thread = new Thread(Loop) { IsBackground = true, Name = "network-namespace" };
        _thread.Start();
        Invoke(() =>
        {
            using SafeFileHandle handle = File.OpenHandle(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/net"));
            Libc.EnterNetworkNamespace(handle);
            return true;
        });
    }

    /// <summary>Makes a socket inside.</summary>
    public Socket CreateSocket(AddressFamily family, SocketType type) =>
        Invoke(() => new Socket(family, type, ProtocolType.Unspecified));

    /// <summary>Lets the thread end.</summary>
    public void Dispose() => _work.CompleteAdding();

    private T Invoke<T>(Func<T> action)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        using ManualResetEventSlim done = new();
        _work.Add(() =>
        {
            try
            {
                result = action();
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
            finally
            {
                done.Set();
            }
        });
        done.Wait();
        failure?.Throw();
        return result;
    }

    private void Loop()
    {
        foreach (Action action in _work.GetConsumingEnumerable())
        {
            action();
        }

        _work.Dispose();
    }
}

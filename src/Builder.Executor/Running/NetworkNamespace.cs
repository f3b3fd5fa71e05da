// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.ExceptionServices;
using Builder.Executor.Interop;

namespace Builder.Executor.Running;

/// <summary>
/// A network namespace with its loopback up, held by one thread that lives in it. Sockets that the thread makes belong to
/// the namespace whoever uses them later: that is how published ports reach the inside without a helper process.
/// </summary>
internal sealed class NetworkNamespace : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    private NetworkNamespace()
    {
        _thread = new Thread(Loop) { IsBackground = true, Name = "network-namespace" };
        _thread.Start();
        Path = Invoke(Enter);
    }

    /// <summary>The namespace's file; it stays valid until this is disposed.</summary>
    public string Path { get; }

    /// <summary>Makes a namespace; null where the machine does not permit it.</summary>
    public static NetworkNamespace? TryCreate()
    {
        try
        {
            return new NetworkNamespace();
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    /// <summary>Runs something inside and gives back its result.</summary>
    public T Invoke<T>(Func<T> action)
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

    /// <summary>Lets the thread, and with it the namespace, end.</summary>
    public void Dispose() => _work.CompleteAdding();

    private static string Enter()
    {
        if (Libc.Unshare(Libc.NewNetwork) != 0)
        {
            throw new LinuxException("unshare", Libc.LastErrno);
        }

        Libc.BringLoopbackUp();
        string thread = File.ResolveLinkTarget("/proc/thread-self", returnFinalTarget: false)?.FullName ?? "";
        string task = System.IO.Path.GetFileName(thread);
        return string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/task/{task}/ns/net");
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

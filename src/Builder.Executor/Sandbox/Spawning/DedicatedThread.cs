// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>
/// One thread that does what others ask it to, in turn: for what the kernel binds to a thread (the parent of a process,
/// a network namespace). Thread-safe.
/// </summary>
internal sealed class DedicatedThread : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    /// <summary>Starts it; it does not keep the process alive.</summary>
    public DedicatedThread(string name)
    {
        _thread = new Thread(Loop) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>Runs something there and gives back its result or its exception; nested calls run at once.</summary>
    public T Invoke<T>(Func<T> action)
    {
        if (Thread.CurrentThread == _thread)
        {
            return action();
        }

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

    /// <summary>Lets the thread end when it has done what was asked.</summary>
    public void Dispose() => _work.CompleteAdding();

    private void Loop()
    {
        foreach (Action action in _work.GetConsumingEnumerable())
        {
            action();
        }

        _work.Dispose();
    }
}

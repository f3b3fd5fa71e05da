// SPDX-License-Identifier: Apache-2.0

namespace Builder.TestSupport;

/// <summary>
/// For what must end: tells "never" from "slow" without a say on how slow, since machines differ. The limit is far above
/// what the slowest machine needs and far below what a wrong algorithm takes.
/// </summary>
public static class HangGuard
{
    private const int LimitSeconds = 45;

    /// <summary>Runs something on a thread of its own and gives back its result or its exception.</summary>
    /// <exception cref="TimeoutException">It did not end; its thread is left alone.</exception>
    public static T Run<T>(Func<T> action)
    {
        Task<T> task = Task.Factory.StartNew(
            action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return ((IAsyncResult)task).AsyncWaitHandle.WaitOne(TimeSpan.FromSeconds(LimitSeconds))
            ? task.GetAwaiter().GetResult()
            : throw new TimeoutException($"did not end within {LimitSeconds} s");
    }
}

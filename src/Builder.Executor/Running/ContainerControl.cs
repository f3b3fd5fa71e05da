// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Running;

/// <summary>
/// Acts on containers from outside: signals, waits, removes. There is no daemon to ask: the processes named in a
/// container's state are addressed directly, and its watcher records how it ended.
/// </summary>
public sealed class ContainerControl(ContainerStore containers, VolumeStore volumes)
{
    private static readonly TimeSpan s_recordTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Sends a signal to a running container.</summary>
    /// <exception cref="RunException">It does not run.</exception>
    public void Kill(ContainerRecord container, int signal)
    {
        using ProcessHandle? process = ProcessHandle.TryOpen(containers.ReadState(container.Id).Process);
        if (process is null || !process.Signal(signal))
        {
            throw NotRunning(container);
        }

        if (signal == Libc.SigKill)
        {
            AwaitRecord(container);
        }
    }

    /// <summary>
    /// Asks a container to end with its stop signal and kills it after <paramref name="timeoutSeconds"/> (null: its own
    /// time; negative: never). One that does not run is left alone.
    /// </summary>
    public void Stop(ContainerRecord container, int? timeoutSeconds, string? signal)
    {
        using ProcessHandle? process = ProcessHandle.TryOpen(containers.ReadState(container.Id).Process);
        if (process is null)
        {
            return;
        }

        int seconds = timeoutSeconds ?? container.StopTimeoutSeconds;
        process.Signal(SignalName.Parse(signal ?? container.StopSignal));
        if (!process.WaitForExit(seconds < 0 ? null : TimeSpan.FromSeconds(seconds)))
        {
            process.Signal(Libc.SigKill);
            process.WaitForExit(null);
        }

        AwaitRecord(container);
    }

    /// <summary>Waits until a container has ended and gives its status.</summary>
    public int Wait(ContainerRecord container)
    {
        ContainerState state = containers.ReadState(container.Id);
        using (ProcessHandle? process = ProcessHandle.TryOpen(state.Process))
        {
            process?.WaitForExit(null);
        }

        ContainerState last = AwaitRecord(container);
        return last.ExitCode;
    }

    /// <summary>Removes a container, its writable layer, its log and its anonymous volumes (when asked or --rm).</summary>
    /// <exception cref="RunException">It runs, and <paramref name="force"/> is not set.</exception>
    public void Remove(ContainerRecord container, bool force, bool withVolumes)
    {
        ContainerState state = containers.ReadState(container.Id);
        if (state.Status == ContainerStatus.Running)
        {
            if (!force)
            {
                throw new RunException(
                    RunFailure.WrongState, $"cannot remove container {container.Name}: it is running")
                {
                    Hint = $"stop it with 'bld stop {container.Name}', or remove it with -f",
                };
            }

            KillAtOnce(container, state);
        }

        containers.Remove(container);
        foreach (string volume in withVolumes ? container.AnonymousVolumes : [])
        {
            volumes.Remove(volume);
        }
    }

    /// <summary>
    /// Kills a container; where its first process belongs to an id that this process may not signal (another user
    /// namespace's), its watcher is killed, and the container with it.
    /// </summary>
    private void KillAtOnce(ContainerRecord container, ContainerState state)
    {
        using ProcessHandle? process = ProcessHandle.TryOpen(state.Process);
        try
        {
            process?.Signal(Libc.SigKill);
        }
        catch (LinuxException exception) when (exception.Errno == Errno.EPERM)
        {
            using ProcessHandle? monitor = ProcessHandle.TryOpen(state.Monitor);
            monitor?.Signal(Libc.SigKill);
        }

        process?.WaitForExit(null);
        AwaitRecord(container);
    }

    /// <summary>
    /// Waits for the watcher to write down how the container ended; it does so at once, so that the time limit only
    /// matters when it was killed itself.
    /// </summary>
    private ContainerState AwaitRecord(ContainerRecord container)
    {
        ContainerState state = containers.ReadState(container.Id);
        if (state.Status == ContainerStatus.Running)
        {
            using ProcessHandle? process = ProcessHandle.TryOpen(state.Process);
            process?.WaitForExit(s_recordTimeout);
            using ProcessHandle? monitor = ProcessHandle.TryOpen(state.Monitor);
            monitor?.WaitForExit(s_recordTimeout);
            state = containers.ReadState(container.Id);
        }

        return state;
    }

    private static RunException NotRunning(ContainerRecord container) =>
        new(RunFailure.WrongState, $"container {container.Name} is not running")
        {
            Hint = $"start it with 'bld start {container.Name}'",
        };
}

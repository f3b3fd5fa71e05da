// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Chroot;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox;

/// <summary>
/// The first process of a container. It is process 1 of a pid namespace: when it ends, all others in it are killed. It
/// dies with this process. Whoever holds it disposes of it.
/// </summary>
internal sealed class SandboxProcess : IDisposable
{
    private readonly MountPoints? _mountPoints;

    private SandboxProcess(SpawnedProcess process, SafeFileHandle? terminal, MountPoints? mountPoints)
    {
        Process = process;
        Terminal = terminal;
        _mountPoints = mountPoints;
    }

    /// <summary>Its process id in this process's view.</summary>
    public int Pid => Process.Pid;

    /// <summary>The outside of its terminal, or null when it has none.</summary>
    public SafeFileHandle? Terminal { get; }

    /// <summary>The process itself: to wait for, to poll.</summary>
    public SpawnedProcess Process { get; }

    /// <summary>Starts a container and returns when its command has been executed.</summary>
    /// <exception cref="SandboxException">It could not be set up, or the command could not be executed
    /// (<see cref="SandboxException.IsCommandFailure"/>).</exception>
    public static SandboxProcess Start(SandboxSpec spec, SandboxIo io)
    {
        using var set = new SandboxProgramme(spec, io);
        return Start(set, spec, pid => LetGo(spec, set, pid), set.MountPoints);
    }

    /// <summary>
    /// Starts a process in a directory, without namespaces. Processes that it leaves behind are the caller's to end
    /// (<see cref="LeftoverProcesses"/>).
    /// </summary>
    /// <exception cref="SandboxException">It could not be set up, or the command not executed.</exception>
    public static SandboxProcess StartInDirectory(ChrootSpec spec, SandboxIo io)
    {
        using var set = new ChrootProgramme(spec, io);
        return Start(set, spec);
    }

    /// <summary>A command that runs under the tracer; it stays the caller's.</summary>
    public static SandboxProcess Of(Trace.TracedCommand command) => new(
        command.Process, command.Terminal is null ? null : Libc.Duplicate(command.Terminal.Master), mountPoints: null);

    /// <summary>Starts a further process in a running container. It dies with this process, and with the container.</summary>
    /// <exception cref="SandboxException">The container cannot be entered, or the command not executed.</exception>
    public static SandboxProcess Enter(EnterSpec spec, SandboxIo io)
    {
        using var set = new EnterProgramme(spec, io);
        return Start(set, spec);
    }

    /// <summary>Sends a signal to the command.</summary>
    public void Kill(int signal) => Process.Kill(signal);

    /// <summary>Waits for the command's end; everything else in the container is gone then, too.</summary>
    public ExitStatus Wait() => Process.Wait();

    /// <summary>Removes what was made to mount on from the root's upper directory, as far as it is empty. After the end.</summary>
    public void RemoveMountPoints(string upper) => _mountPoints?.RemoveMade(upper);

    /// <inheritdoc/>
    public void Dispose()
    {
        Process.Dispose();
        Terminal?.Dispose();
    }

    private static SandboxProcess Start(
        ProcessProgramme set, ProcessSpec spec, Action<int>? letGo = null, MountPoints? mountPoints = null)
    {
        try
        {
            SpawnedProcess process = Spawner.Shared.Start(set.Programme, letGo);
            SafeFileHandle? terminal = set.Terminal is null ? null : Libc.Duplicate(set.Terminal.Master);
            return new SandboxProcess(process, terminal, mountPoints);
        }
        catch (SandboxException failure)
        {
            throw failure.IsCommandFailure ? set.Command.Explain(spec.WorkingDirectory) : Advise(failure);
        }
    }

    private static void LetGo(SandboxSpec spec, SandboxProgramme set, int pid)
    {
        if (spec.Network is OwnNetwork { Connect: { } connect })
        {
            connect(pid);
            _ = Libc.WriteSome(set.Go!, [1]);
        }

        // In the order of the rows: the child sends the listener after it has been let go.
        spec.Ledger?.Attach(pid);
    }

    private static SandboxException Advise(SandboxException failure) =>
        failure.Hint is not null || failure.Errno is not (Errno.EPERM or Errno.ENOSYS)
            ? failure
            : new SandboxException(failure.Message, failure)
            {
                Hint = "the machine forbids this: `bld info` says which isolation it allows",
            };
}

// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Running;

/// <summary>Runs a further command in a running container, in front of the user.</summary>
public sealed class ContainerExec(ContainerStore containers)
{
    private readonly Lock _lock = new();
    private SandboxProcess? _process;

    /// <summary>Runs a command to its end and gives its status.</summary>
    /// <exception cref="RunException">The container does not run, or the command cannot be executed.</exception>
    public int Run(ContainerRecord container, ExecRequest request, ContainerIo io, Action? started)
    {
        int pid = RunningPid(container);
        try
        {
            using StreamPipes pipes = StreamPipes.Open(request.Terminal, io.Input, request.Interactive);
            using SandboxProcess process = SandboxProcess.Enter(Specify(container, request, pid), pipes.Io);
            pipes.CloseInside();
            return Attend(process, pipes, io, started);
        }
        catch (SandboxException exception)
        {
            throw ContainerSession.Explain(exception);
        }
    }

    /// <summary>Starts a command and leaves it alone: its output goes nowhere, it dies with the container.</summary>
    public void Start(ContainerRecord container, ExecRequest request)
    {
        int pid = RunningPid(container);
        using SafeFileHandle nothing = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite);
        try
        {
            _ = SandboxProcess.Enter(
                Specify(container, request, pid) with { OutlivesCaller = true },
                new SandboxIo.Streams(nothing, nothing, nothing));
        }
        catch (SandboxException exception)
        {
            throw ContainerSession.Explain(exception);
        }
    }

    /// <summary>Sends a signal to the command while it runs.</summary>
    public void Signal(int signal)
    {
        lock (_lock)
        {
            _process?.Kill(signal);
        }
    }

    /// <summary>Gives the command's terminal the size of the one behind a descriptor.</summary>
    public void ResizeLike(int descriptor)
    {
        lock (_lock)
        {
            if (_process?.Terminal is { } terminal && Libc.GetTerminalSize(descriptor) is { } size)
            {
                Libc.SetTerminalSize((int)terminal.DangerousGetHandle(), size);
            }
        }
    }

    private int RunningPid(ContainerRecord container)
    {
        ContainerState state = containers.ReadState(container.Id);
        return state.Status == ContainerStatus.Running && state.Process is { } first && first.IsAlive()
            ? first.Pid
            : throw new RunException(RunFailure.WrongState, $"container {container.Name} is not running")
            {
                Hint = $"start it with 'bld start {container.Name}'",
            };
    }

    private int Attend(SandboxProcess process, StreamPipes pipes, ContainerIo io, Action? started)
    {
        lock (_lock)
        {
            _process = process;
        }

        try
        {
            started?.Invoke();
            if (process.Terminal is { } terminal && io.Input is { } keyboard)
            {
                Thread typist = new(() => ContainerSession.Type(keyboard, terminal))
                {
                    IsBackground = true,
                    Name = "terminal-input",
                };
                typist.Start();
            }

            OutputPump.Run(process.Process, process.Terminal ?? pipes.Output, pipes.Error, io.Show, long.MaxValue);
            return process.Wait().ShellCode;
        }
        finally
        {
            lock (_lock)
            {
                _process = null;
            }
        }
    }

    private static EnterSpec Specify(ContainerRecord container, ExecRequest request, int pid)
    {
        SandboxUser user = UserResolver.Resolve(ReadUsers(pid), request.User ?? container.User);
        List<string> environment = [.. container.Environment];
        if (request.Terminal)
        {
            ContainerRequest.SetVariable(environment, "TERM=xterm");
        }

        if (!environment.Exists(entry => entry.StartsWith("HOME=", StringComparison.Ordinal)))
        {
            environment.Add("HOME=" + (user.Home.Length == 0 ? "/" : user.Home));
        }

        foreach (string entry in request.Environment)
        {
            ContainerRequest.SetVariable(environment, entry);
        }

        bool isPrivileged = container.Privileged || request.Privileged;
        return new EnterSpec
        {
            ContainerPid = pid,
            Arguments = request.Arguments,
            Environment = [.. environment],
            WorkingDirectory = request.WorkingDirectory ?? container.WorkingDirectory,
            User = user,
            Capabilities = isPrivileged ? CapabilitySet.All : ContainerCapabilities.Of(container),
            IsPrivileged = isPrivileged,
            NoNewPrivileges = container.NoNewPrivileges,
        };
    }

    private static UserDatabase ReadUsers(int pid)
    {
        using SafeFileTree tree = new(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/root"));
        return UserDatabase.Parse(ContainerFiles.ReadText(tree, "etc/passwd"), ContainerFiles.ReadText(tree, "etc/group"));
    }
}

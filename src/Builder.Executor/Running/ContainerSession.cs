// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Isolation;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Snapshots;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Running;

/// <summary>
/// Runs a container from its start to its end in this process, which is its watcher: it shows and logs the output,
/// publishes the ports and writes down how the container ended. The container dies with this process.
/// </summary>
public sealed class ContainerSession
{
    private readonly Store _store;
    private readonly ContainerStore _containers;
    private readonly VolumeStore _volumes;
    private readonly ILayerFetcher? _fetcher;
    private readonly TimeProvider _time;
    private readonly IsolationChoice _isolation;
    private readonly Lock _lock = new();
    private SandboxProcess? _process;

    /// <summary>Creates a session; <paramref name="fetcher"/> brings layers that were not unpacked yet.</summary>
    public ContainerSession(
        Store store, ContainerStore containers, VolumeStore volumes, ILayerFetcher? fetcher, TimeProvider time,
        IsolationChoice isolation)
    {
        _isolation = isolation;
        _store = store;
        _containers = containers;
        _volumes = volumes;
        _fetcher = fetcher;
        _time = time;
    }

    /// <summary>Starts the container and returns its status when it has ended.</summary>
    /// <param name="container">The container; it does not run.</param>
    /// <param name="io">Where its streams lead.</param>
    /// <param name="started">Called when the command has been executed.</param>
    /// <param name="cancellationToken">Cancels what comes before the start.</param>
    /// <exception cref="RunException">It could not be started; its state says so.</exception>
    public async Task<int> RunAsync(
        ContainerRecord container, ContainerIo io, Action? started, CancellationToken cancellationToken)
    {
        try
        {
            using IContainerSandbox sandbox = await PrepareAsync(container, cancellationToken);
            return Run(container, io, sandbox, started);
        }
        catch (SandboxException exception)
        {
            RunException failure = Explain(exception);
            _containers.WriteState(container.Id, _containers.ReadState(container.Id) with
            {
                Status = ContainerStatus.Exited,
                Process = null,
                Monitor = null,
                Finished = _time.GetUtcNow(),
                ExitCode = ExitCodeOf(failure.Failure),
                Error = failure.Message,
            });
            throw failure;
        }
    }

    /// <summary>What the user should know of the container that was started, or null.</summary>
    public string? Warning { get; private set; }

    /// <summary>The status that stands for a failure to start: 125, 126 or 127.</summary>
    public static int ExitCodeOf(RunFailure failure) => failure switch
    {
        RunFailure.NotExecutable => 126,
        RunFailure.CommandNotFound => 127,
        _ => 125,
    };

    /// <summary>Sends a signal to the container while it runs.</summary>
    public void Signal(int signal)
    {
        lock (_lock)
        {
            _process?.Kill(signal);
        }
    }

    /// <summary>Gives the container's terminal the size of the one behind a descriptor.</summary>
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

    /// <summary>What a command failure means for the status; also used for exec.</summary>
    internal static RunException Explain(SandboxException exception)
    {
        RunFailure failure = !exception.IsCommandFailure ? RunFailure.NotStarted
            : exception.CommandErrno is Errno.ENOENT or Errno.ENOTDIR ? RunFailure.CommandNotFound
            : RunFailure.NotExecutable;
        return new RunException(failure, exception.Message, exception) { Hint = exception.Hint };
    }

    private async Task<IContainerSandbox> PrepareAsync(ContainerRecord container, CancellationToken cancellationToken)
    {
        var places = new ContainerPlaces(_store, _containers, _volumes);
        return _isolation.Require() switch
        {
            IsolationRung.Chroot => await ChrootContainer.PrepareAsync(places, container, _fetcher, cancellationToken),
            IsolationRung.Trace => await TraceContainer.PrepareAsync(places, container, _fetcher, cancellationToken),
            _ => await ContainerSandbox.PrepareAsync(places, container, _fetcher, cancellationToken),
        };
    }

    private int Run(ContainerRecord container, ContainerIo io, IContainerSandbox sandbox, Action? started)
    {
        using StreamPipes streams = StreamPipes.Open(container.Terminal, io.Input, container.Interactive);
        using SandboxProcess process = sandbox.Start(streams.Io);
        streams.CloseInside();
        lock (_lock)
        {
            _process = process;
        }

        try
        {
            using PortProxy proxy = new(sandbox.CreateSocket);
            ImmutableArray<PortMapping> ports = proxy.Publish(container.Ports);
            WriteRunning(container, process, ports);
            Warning = sandbox.Warning;
            started?.Invoke();
            Pump(container, io, process, streams);
            ExitStatus status = process.Wait();
            sandbox.End();
            WriteExited(container, status);
            return status.ShellCode;
        }
        finally
        {
            lock (_lock)
            {
                _process = null;
            }
        }
    }

    private void Pump(ContainerRecord container, ContainerIo io, SandboxProcess process, StreamPipes streams)
    {
        using ContainerLogWriter log = new(_containers.LogPath(container.Id), _time);
        if (process.Terminal is { } terminal && io.Input is { } keyboard)
        {
            ResizeLike((int)keyboard.DangerousGetHandle());
            Thread typist = new(() => Type(keyboard, terminal)) { IsBackground = true, Name = "terminal-input" };
            typist.Start();
        }

        OutputPump.Run(process.Process, process.Terminal ?? streams.Output, streams.Error, Take, long.MaxValue);

        void Take(bool isStandardError, ReadOnlySpan<byte> bytes)
        {
            io.Show(isStandardError, bytes);
            log.Write(isStandardError, bytes);
        }
    }

    /// <summary>Copies what is typed; blocks in read(2) until this process ends.</summary>
    internal static void Type(SafeFileHandle keyboard, SafeFileHandle terminal)
    {
        byte[] buffer = new byte[4096];
        int count;
        while ((count = Libc.ReadSome(keyboard, buffer)) > 0 && !terminal.IsClosed)
        {
            if (Libc.WriteSome(terminal, buffer.AsSpan(0, count)) <= 0)
            {
                return;
            }
        }
    }

    private void WriteRunning(ContainerRecord container, SandboxProcess process, ImmutableArray<PortMapping> ports) =>
        _containers.WriteState(container.Id, new ContainerState
        {
            Status = ContainerStatus.Running,
            Process = ProcessIdentity.Of(process.Pid),
            Monitor = ProcessIdentity.Of(Environment.ProcessId),
            Started = _time.GetUtcNow(),
            Ports = ports,
        });

    private void WriteExited(ContainerRecord container, ExitStatus status) =>
        _containers.WriteState(container.Id, _containers.ReadState(container.Id) with
        {
            Status = ContainerStatus.Exited,
            Process = null,
            Monitor = null,
            Finished = _time.GetUtcNow(),
            ExitCode = status.ShellCode,
            Ports = [],
        });
}

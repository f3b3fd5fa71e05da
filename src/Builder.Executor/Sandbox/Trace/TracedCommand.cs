// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;
using Builder.Executor.Sandbox.Seccomp;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// A command that runs where nothing is allowed but ptrace and seccomp: its calls with paths are made by this process in
/// its root, its identities come from the ledger, and the kernel's Landlock, where there is one, forbids everything else.
/// Disposing leaves no process behind. See docs/sandbox.md.
/// </summary>
internal sealed class TracedCommand : IDisposable
{
    private const int EventDescriptor = 290; // eventfd2
    private const string Terminals = "/dev/pts";

    private readonly TraceSpec _spec;
    private readonly TraceTree _tree;
    private readonly ExecutableImages _images;
    private readonly SeccompListener _listener = new();
    private readonly TraceeTable _table;
    private readonly Tracer _tracer;
    private readonly CallServer _server;
    private readonly ProcessEnd _end;
    private Thread? _serving;
    private SpawnedProcess? _process;

    private TracedCommand(TraceSpec spec)
    {
        _spec = spec;
        _tree = new TraceTree(spec);
        string images = Path.Combine(spec.Scratch, "exec");
        Directory.CreateDirectory(images);
        _images = new ExecutableImages(images);
        _table = new TraceeTable(FakeIdentity.Of(spec.User));
        var proc = new ProcView(_tree.Mounts, _table, HostCall.PathOf(_images.Directory) ?? []);
        var owners = new TraceOwners(spec.Owners) { FindProcess = proc.FindIdentity };
        var paths = new GuestPaths(_tree.Mounts, proc, new AccessRules(_tree.Mounts, owners));
        _server = new CallServer(_listener, _table, paths, proc, owners, spec.Hostname);
        _tracer = new Tracer(
            _table,
            new CallChanger(
                paths, _images, new ExecutionPlanner(paths, _images, owners),
                new SocketCalls(new SocketAddresses(paths, _images, owners), _table), new ReferenceCalls(paths, _images),
                owners),
            () => OpenStart(paths));
        _end = new ProcessEnd(_tracer);
    }

    /// <summary>Its terminal, or null.</summary>
    public PseudoTerminal? Terminal { get; private set; }

    /// <summary>The command's process.</summary>
    public SpawnedProcess Process => _process ?? throw new InvalidOperationException("not started");

    /// <summary>Starts a command and returns when it has been executed.</summary>
    /// <exception cref="SandboxException">It could not be set up, or the command could not be executed
    /// (<see cref="SandboxException.IsCommandFailure"/>).</exception>
    public static TracedCommand Start(TraceSpec spec, SandboxIo io)
    {
        // What loses its parent comes to this process, which waits for it, and not to a pod's first process, which may not.
        LeftoverProcesses.Adopt();
        var command = new TracedCommand(spec);
        try
        {
            command.Start(io);
            return command;
        }
        catch
        {
            command.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process?.Dispose();
        _tracer.Join();
        LeftoverProcesses.Reap(); // whose parent ended after the tracer had seen their end
        _serving?.Join();
        _server.Abandon();
        _listener.Dispose();
        Terminal?.Dispose();
        _images.Dispose();
        _tree.Dispose();
        _end.Dispose();
    }

    private static HeldDirectory OpenStart(GuestPaths paths)
    {
        // The working directory is changed to by the command's own first rows.
        long opened = HostCall.Reopen(paths.Mounts.Root.Handle.Value, OpenFlags.Path);
        return new HeldDirectory(new FileDescriptor((int)opened), isSpecial: false);
    }

    private void Start(SandboxIo io)
    {
        if (io is SandboxIo.Terminal size)
        {
            // After the tree, to which the machine's terminals are foreign.
            Terminal = PseudoTerminal.OpenIn(Terminals, size.Columns, size.Rows);
            long slave = HostCall.Reopen(Terminal.Slave.Number(), OpenFlags.Path);
            if (slave >= 0)
            {
                _tree.Mounts.Mount(new GuestMount("/dev/tty"u8.ToArray(), new FileDescriptor((int)slave)));
            }
        }

        using var programme = new SyscallProgramme { End = _end };
        (SafeFileHandle read, SafeFileHandle write) = Libc.CreatePipe();
        using FileDescriptor? fence = LandlockRules.Create([.. _tree.Executable, _images.Directory]);
        using (read)
        using (write)
        {
            CommandRows rows = Append(programme, io, fence, read, write);
            try
            {
                _process = Spawner.Shared.Start(programme, pid => Attach(pid, write));
            }
            catch (SandboxException failure) when (failure.IsCommandFailure)
            {
                throw rows.Explain(_spec.WorkingDirectory);
            }
        }
    }

    private CommandRows Append(
        SyscallProgramme programme, SandboxIo io, FileDescriptor? fence, SafeFileHandle read,
        SafeFileHandle write)
    {
        ProcessRows.Begin(programme);
        programme.Add("start a session", Syscall.Setsid);
        _spec.Group?.AppendRows(programme);
        programme.Add("wait for the tracer", Syscall.Close, write.Number());
        programme.Add("wait for the tracer", Syscall.Read, read.Number(), programme.Block(8), 1);
        StreamRows.Connect(programme, io, Terminal);
        LimitRows.Set(programme, ResourceLimits.WithUsualOpenFiles(_spec.Ulimits));
        IdentityRows.SetUmask(programme);
        if (HostFacts.Current.Permitted.Bits != 0)
        {
            IdentityRows.DropBounding(programme, CapabilitySet.Empty);
            IdentityRows.SetCapabilities(programme, CapabilitySet.Empty);
        }

        programme.Add("enter the programmes' directory", Syscall.Fchdir, _images.Directory);
        IdentityRows.SetNoNewPrivileges(programme);
        if (fence is not null)
        {
            LandlockRules.Append(programme, fence);
        }

        _listener.Append(programme, TraceFilters.ForListener(_spec.HasNetwork));
        SeccompRows.Install(programme, TraceFilters.ForTracer, "install the tracer's filter");
        SeccompRows.Install(
            programme, DefaultSeccompProfile.Get(CapabilitySet.Default), "install the call filter");
        ProcessRows.CloseDescriptors(programme);
        return CommandRows.Append(programme, _spec);
    }

    private void Attach(int pid, SafeFileHandle go)
    {
        _tracer.Seize(pid);
        _ = Libc.WriteSome(go, [1]);
        if (_listener.TryReceive())
        {
            _serving = new Thread(_server.Serve) { IsBackground = true, Name = "calls" };
            _serving.Start();
        }
    }

    /// <summary>The tracer knows how the command ended, and when all it started has ended.</summary>
    private sealed class ProcessEnd : IProcessEnd, IDisposable
    {
        private readonly Tracer _tracer;
        private volatile bool _isOver;

        public ProcessEnd(Tracer tracer)
        {
            _tracer = tracer;
            long made = HostCall.Invoke(EventDescriptor, 0, Libc.OpenCloexec);
            Descriptor = made >= 0
                ? new SafeFileHandle((nint)made, ownsHandle: true)
                : throw new LinuxException("eventfd", (Errno)(-made));
            tracer.Ended = () =>
            {
                _isOver = true;
                _ = Libc.WriteSome(Descriptor, BitConverter.GetBytes(1L));
            };
        }

        public SafeFileHandle Descriptor { get; }

        public ExitStatus? Status =>
            !_isOver ? null : _tracer.Status ?? ExitStatus.FromWaitStatus(Libc.SigKill);

        public void Dispose() => Descriptor.Dispose();
    }
}

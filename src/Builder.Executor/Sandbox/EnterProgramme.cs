// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Seccomp;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox;

/// <summary>
/// The programme that joins a container's namespaces by setns(2). A process changes its pid namespace for its children
/// only: so it makes one, as a child of our own (CLONE_PARENT), and ends.
/// </summary>
internal sealed class EnterProgramme : IDisposable
{
    private const ulong CloneParent = 0x8000;
    private const ulong CloneVm = 0x100;
    private const ulong CloneParentSetTid = 0x100000;
    private const ulong SignalChild = 17;
    private const int TakeTerminal = 0x540E; // TIOCSCTTY

    private readonly EnterSpec _spec;
    private readonly SafeFileHandle _container;
    private readonly string _process;

    /// <summary>Makes all rows.</summary>
    public EnterProgramme(EnterSpec spec, SandboxIo io)
    {
        _spec = spec;
        _process = string.Create(CultureInfo.InvariantCulture, $"/proc/{spec.ContainerPid}");
        _container = Libc.OpenBy(Syscall.PidfdOpen, spec.ContainerPid)
            ?? throw new SandboxException("enter the container", "pidfd_open", Libc.LastErrno);
        Programme = new SyscallProgramme();
        try
        {
            if (io is SandboxIo.Terminal size)
            {
                Terminal = PseudoTerminal.OpenIn($"{_process}/root/dev/pts", size.Columns, size.Rows);
            }

            Command = Build(io);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The rows.</summary>
    public SyscallProgramme Programme { get; }

    /// <summary>The rows that execute the command.</summary>
    public CommandRows Command { get; }

    /// <summary>The terminal, or null.</summary>
    public PseudoTerminal? Terminal { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Programme.Dispose();
        Terminal?.Dispose();
        _container.Dispose();
    }

    private CommandRows Build(SandboxIo io)
    {
        ProcessRows.Begin(Programme);
        bool isForeign = IsOther("user");
        ulong namespaces = Libc.CloneNewNs | Libc.CloneNewPid | Libc.CloneNewIpc | Libc.CloneNewUts
            | (isForeign ? Libc.CloneNewUser : 0)
            | (IsOther("cgroup") ? Libc.CloneNewCgroup : 0)
            | (IsOther("net") ? Libc.CloneNewNet : 0);
        Programme.Add("enter the container", Syscall.Setns, _container.Number(), (nint)namespaces);
        AppendChild();
        ProcessRows.DieWithParent(Programme);
        Programme.Add("start a session", Syscall.Setsid);
        ConnectStreams(io);
        ProcessRows.CloseDescriptors(Programme);
        AppendIdentity();
        if (_spec.OutlivesCaller)
        {
            Programme.Add("outlive the caller", Syscall.Prctl, Libc.PrSetPdeathsig, 0);
        }

        Programme.Add($"enter {_spec.WorkingDirectory}", Syscall.Chdir, Programme.Text(_spec.WorkingDirectory));
        return CommandRows.Append(Programme, _spec.Arguments, _spec.Environment);
    }

    private bool IsOther(string name)
    {
        string? theirs = File.ResolveLinkTarget($"{_process}/ns/{name}", returnFinalTarget: false)?.Name;
        string? ours = File.ResolveLinkTarget($"/proc/self/ns/{name}", returnFinalTarget: false)?.Name;
        return theirs is not null && !string.Equals(theirs, ours, StringComparison.Ordinal);
    }

    private void AppendChild()
    {
        Programme.ChildPidSlot = Programme.ResultSlot();
        int row = Programme.Add(
            "create a process in the container", Syscall.CloneProcess,
            (nint)(SignalChild | CloneVm | CloneParent | CloneParentSetTid), 0, Programme.ChildPidSlot);
        Programme.Change(row, r => r with { EndsParent = true });
    }

    private void ConnectStreams(SandboxIo io)
    {
        if (Terminal is not null)
        {
            int terminal = Terminal.Slave.Number();
            ProcessRows.StandardStreams(Programme, terminal, terminal, terminal);
            Programme.Add("take the terminal", Syscall.Ioctl, 0, TakeTerminal);
        }
        else if (io is SandboxIo.Streams streams)
        {
            ProcessRows.StandardStreams(
                Programme, streams.Input.Number(), streams.Output.Number(), streams.Error.Number());
        }
    }

    private void AppendIdentity()
    {
        bool hasSingleId = OwnershipModes.MappedIds(File.ReadAllText($"{_process}/uid_map")) <= 1;
        IdentityRows.DropBounding(Programme, _spec.Capabilities);
        IdentityRows.SetUmask(Programme);
        if (!_spec.IsPrivileged && !_spec.NoNewPrivileges)
        {
            InstallFilter();
        }

        if (!hasSingleId)
        {
            IdentityRows.Become(Programme, _spec.User);
        }

        ulong possible = IsOther("user") ? CapabilitySet.All.Bits : HostFacts.Current.Permitted.Bits;
        IdentityRows.SetCapabilities(
            Programme,
            _spec.User.UserId == 0 || hasSingleId ? new CapabilitySet(_spec.Capabilities.Bits & possible) : CapabilitySet.Empty);
        if (_spec.NoNewPrivileges)
        {
            IdentityRows.SetNoNewPrivileges(Programme);
            if (!_spec.IsPrivileged)
            {
                InstallFilter();
            }
        }
    }

    private void InstallFilter() => SeccompRows.Install(
        Programme, DefaultSeccompProfile.Get(_spec.Capabilities), "install the call filter");
}

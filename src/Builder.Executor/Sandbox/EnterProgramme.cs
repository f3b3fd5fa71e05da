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
internal sealed class EnterProgramme : ProcessProgramme
{
    private const ulong CloneParent = 0x8000;
    private const ulong CloneVm = 0x100;
    private const ulong CloneParentSetTid = 0x100000;
    private const ulong SignalChild = 17;

    private readonly EnterSpec _spec;
    private readonly SafeFileHandle _container;
    private readonly string _process;

    /// <summary>Makes all rows.</summary>
    public EnterProgramme(EnterSpec spec, SandboxIo io)
        : base(new SyscallProgramme())
    {
        _spec = spec;
        _process = string.Create(CultureInfo.InvariantCulture, $"/proc/{spec.ContainerPid}");
        try
        {
            _container = Own(Libc.OpenBy(Syscall.PidfdOpen, spec.ContainerPid)
                ?? throw new SandboxException("enter the container", "pidfd_open", Libc.LastErrno));
            if (io is SandboxIo.Terminal size)
            {
                Terminal = Own(PseudoTerminal.OpenIn($"{_process}/root/dev/pts", size.Columns, size.Rows));
            }

            Command = Build(io);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override CommandRows Command { get; }

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
        StreamRows.Connect(Programme, io, Terminal);
        ProcessRows.CloseDescriptors(Programme);
        AppendIdentity();
        if (_spec.OutlivesCaller)
        {
            Programme.Add("outlive the caller", Syscall.Prctl, Libc.PrSetPdeathsig, 0);
        }

        return CommandRows.Append(Programme, _spec);
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

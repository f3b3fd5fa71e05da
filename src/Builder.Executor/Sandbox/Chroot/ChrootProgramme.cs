// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Seccomp;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Chroot;

/// <summary>
/// The programme that starts a process in a directory of its own. What the directory alone does not keep in (chroot(2) is
/// no wall against root) is kept in by what follows: no CAP_SYS_CHROOT, a Landlock domain that ends with the directory,
/// the call filter. The last two need no_new_privs, since the capability that would do instead is not to be had here.
/// </summary>
internal sealed class ChrootProgramme : IDisposable
{
    private const int TakeTerminal = 0x540E; // TIOCSCTTY

    // The pod's own: a file system of terminals cannot be mounted.
    private const string Terminals = "/dev/pts";

    // chroot(2) again is the classic way out.
    private static readonly CapabilitySet s_forbidden = CapabilitySet.Of(Capability.SysChroot);

    private readonly ChrootSpec _spec;
    private readonly LandlockRuleset? _landlock;

    /// <summary>Makes all rows.</summary>
    public ChrootProgramme(ChrootSpec spec, SandboxIo io)
    {
        _spec = spec;
        Programme = new SyscallProgramme();
        try
        {
            _landlock = spec.IsPrivileged ? null : LandlockRuleset.TryCreate(spec.Root);
            if (io is SandboxIo.Terminal size)
            {
                Terminal = PseudoTerminal.OpenIn(Terminals, size.Columns, size.Rows);
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
        _landlock?.Dispose();
    }

    private CommandRows Build(SandboxIo io)
    {
        ProcessRows.Begin(Programme);
        Programme.Add("start a session", Syscall.Setsid);
        _spec.Group?.AppendRows(Programme);

        // Like process 1 of a container it gets the orphans below it: when it ends, they come to us together.
        Programme.Add("adopt orphans", Syscall.Prctl, Libc.PrSetChildSubreaper, 1);
        Programme.Add("enter the root file system", Syscall.Fchdir, _spec.Root.Value);
        Programme.Add("make it the root", Syscall.Chroot, Programme.Text("."));
        Programme.Add("enter the root file system", Syscall.Chdir, Programme.Text("/"));
        ConnectStreams(io);
        if (!_spec.IsPrivileged)
        {
            IdentityRows.SetNoNewPrivileges(Programme);
            _landlock?.Restrict(Programme);
        }

        ProcessRows.CloseDescriptors(Programme);
        LimitRows.Set(Programme, ResourceLimits.WithUsualOpenFiles(_spec.Ulimits));
        AppendIdentity();
        Programme.Add($"enter {_spec.WorkingDirectory}", Syscall.Chdir, Programme.Text(_spec.WorkingDirectory));
        return CommandRows.Append(Programme, _spec.Arguments, _spec.Environment);
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
        CapabilitySet possible = HostFacts.Current.Permitted;
        CapabilitySet wanted = _spec.IsPrivileged ? possible : _spec.Capabilities.Without(s_forbidden);
        if (!_spec.IsPrivileged)
        {
            IdentityRows.DropBounding(Programme, wanted);
            SeccompRows.Install(
                Programme, DefaultSeccompProfile.Get(wanted, _spec.HasNoNetwork), "install the call filter");
        }

        IdentityRows.SetUmask(Programme);
        IdentityRows.Become(Programme, _spec.User);
        IdentityRows.SetCapabilities(
            Programme,
            _spec.User.UserId == 0 ? new CapabilitySet(wanted.Bits & possible.Bits) : CapabilitySet.Empty);
    }
}

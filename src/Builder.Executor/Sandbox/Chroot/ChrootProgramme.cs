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
internal sealed class ChrootProgramme : ProcessProgramme
{

    // The pod's own: a file system of terminals cannot be mounted.
    private const string Terminals = "/dev/pts";

    // chroot(2) again is the classic way out.
    private static readonly CapabilitySet s_forbidden = CapabilitySet.Of(Capability.SysChroot);

    private readonly ChrootSpec _spec;
    private readonly LandlockRuleset? _landlock;

    /// <summary>Makes all rows.</summary>
    public ChrootProgramme(ChrootSpec spec, SandboxIo io)
        : base(new SyscallProgramme())
    {
        _spec = spec;
        try
        {
            if (!spec.IsPrivileged && LandlockRuleset.TryCreate(spec.Root) is { } landlock)
            {
                _landlock = Own(landlock);
            }

            if (io is SandboxIo.Terminal size)
            {
                Terminal = Own(PseudoTerminal.OpenIn(Terminals, size.Columns, size.Rows));
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
        Programme.Add("start a session", Syscall.Setsid);
        _spec.Group?.AppendRows(Programme);

        // Like process 1 of a container it gets the orphans below it: when it ends, they come to us together.
        Programme.Add("adopt orphans", Syscall.Prctl, Libc.PrSetChildSubreaper, 1);
        Programme.Add("enter the root file system", Syscall.Fchdir, _spec.Root.Value);
        Programme.Add("make it the root", Syscall.Chroot, Programme.Text("."));
        Programme.Add("enter the root file system", Syscall.Chdir, Programme.Text("/"));
        StreamRows.Connect(Programme, io, Terminal);
        if (!_spec.IsPrivileged)
        {
            IdentityRows.SetNoNewPrivileges(Programme);
            _landlock?.Restrict(Programme);
        }

        ProcessRows.CloseDescriptors(Programme);
        LimitRows.Set(Programme, ResourceLimits.WithUsualOpenFiles(_spec.Ulimits));
        AppendIdentity();
        return CommandRows.Append(Programme, _spec);
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

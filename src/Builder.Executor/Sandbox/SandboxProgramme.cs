// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Seccomp;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox;

/// <summary>The programme that sets a container up, and what it needs while it is walked. Made from a spec.</summary>
internal sealed class SandboxProgramme : ProcessProgramme
{
    private const string AttachPlace = "/proc"; // a directory that every machine has; only this container sees it used
    private const string PassingPlace = "/dev/mqueue"; // empty, and covered for a moment only

    private readonly SandboxSpec _spec;

    /// <summary>Makes mount points and temporary file systems, and all rows.</summary>
    public SandboxProgramme(SandboxSpec spec, SandboxIo io)
        : base(new SyscallProgramme { CloneFlags = NamespacesFor(spec) })
    {
        _spec = spec;
        MountPoints = new MountPoints(spec.Root.Handle);
        try
        {
            bool hasSharedMemory = spec.Mounts.All(mount => mount.Target != DeviceDirectory.SharedMemory);
            Devices = Own(new DeviceDirectory(spec, io is SandboxIo.Terminal, hasSharedMemory));
            if (!spec.IsPrivileged)
            {
                // Root may make any node: without this it would open the machine's disks.
                spec.Root.SetAttributes(Libc.MountNoDev, propagation: 0, isRecursive: false);
            }

            if (io is SandboxIo.Terminal size)
            {
                Terminal = Own(PseudoTerminal.Open(Devices.Terminals, size.Columns, size.Rows));
            }

            EnsureMountPoints();
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

    /// <summary>What was made in the root to mount on.</summary>
    public MountPoints MountPoints { get; }

    /// <summary>Written to when the child may go on, or null when it does not wait.</summary>
    public SafeFileHandle? Go { get; private set; }

    private DeviceDirectory Devices { get; }

    private static ulong NamespacesFor(SandboxSpec spec) =>
        Libc.CloneNewNs | Libc.CloneNewPid | Libc.CloneNewIpc | Libc.CloneNewUts | Libc.CloneNewCgroup
        | (spec.Network is OwnNetwork ? Libc.CloneNewNet : 0);

    private void EnsureMountPoints()
    {
        foreach (string directory in (ReadOnlySpan<string>)["/proc", "/sys", "/dev"])
        {
            MountPoints.Ensure(directory, isDirectory: true);
        }

        for (int i = 0; i < _spec.Mounts.Length; i++)
        {
            SandboxMount mount = _spec.Mounts[i];
            bool isDirectory = AtCalls.Stat(mount.Source.Handle.Number(), PathBytes(mount.SubPath)).IsDirectory;
            EnsureIn(mount.Target, isDirectory, earlierMounts: i);
        }

        foreach (SandboxFile file in _spec.Files)
        {
            EnsureIn(file.Target, isDirectory: false, _spec.Mounts.Length);
        }
    }

    // The mount point of a mount below another one is made in that one.
    private void EnsureIn(string target, bool isDirectory, int earlierMounts)
    {
        (string Target, SafeFileHandle Handle)? holder = _spec.Mounts.Take(earlierMounts)
            .Select(mount => (mount.Target, mount.Source.Handle))
            .Append(("/dev", Devices.Handle))
            .Where(candidate => target.StartsWith(candidate.Item1.TrimEnd('/') + "/", StringComparison.Ordinal))
            .OrderByDescending(candidate => candidate.Item1.Length)
            .Select(candidate => ((string, SafeFileHandle)?)candidate)
            .FirstOrDefault();
        if (holder is { } found)
        {
            new MountPoints(found.Handle).Ensure(target[found.Target.TrimEnd('/').Length..], isDirectory);
        }
        else if (!target.StartsWith("/proc/", StringComparison.Ordinal)
            && !target.StartsWith("/sys/", StringComparison.Ordinal))
        {
            MountPoints.Ensure(target, isDirectory);
        }
    }

    private CommandRows Build(SandboxIo io)
    {
        ProcessRows.Begin(Programme);
        Programme.Add("start a session", Syscall.Setsid);
        _spec.Group?.AppendRows(Programme);
        WaitWhenConnected();
        RootRows.Pivot(Programme, _spec.Root, AttachPlace);
        AppendMounts();
        int hostname = Programme.Add(
            "set the host name", Syscall.Sethostname, Programme.Text(_spec.Hostname),
            System.Text.Encoding.UTF8.GetByteCount(_spec.Hostname));

        // CRI-O's profile allows namespaces to everybody, but this call only to those who had CAP_SYS_ADMIN before.
        Programme.Change(hostname, row => row with { MayFail = HostFacts.Current.IsInUserNamespace });
        if (_spec.Network is OwnNetwork)
        {
            NetworkRows.LoopbackUp(Programme);
        }

        StreamRows.Connect(Programme, io, Terminal);
        _spec.Ledger?.AppendListener(Programme);
        ProcessRows.CloseDescriptors(Programme);
        LimitRows.Set(Programme, ResourceLimits.WithUsualOpenFiles(_spec.Ulimits));
        AppendIdentity();
        return CommandRows.Append(Programme, _spec);
    }

    private void WaitWhenConnected()
    {
        if (_spec.Network is not OwnNetwork { Connect: not null })
        {
            return;
        }

        (SafeFileHandle read, SafeFileHandle write) = Libc.CreatePipe();
        Own(read);
        Go = Own(write);
        Programme.Add("wait for the network", Syscall.Close, write.Number());
        Programme.Add("wait for the network", Syscall.Read, read.Number(), Programme.Block(8), 1);
    }

    private void AppendMounts()
    {
        DetachedMount? hostProc = HostFacts.Current.IsInUserNamespace ? TryBind("/proc", 0) : null;
        MountRows.Proc(Programme, hostProc);
        DetachedMount? hostSys = HostFacts.Current.IsInUserNamespace ? TryBind("/sys", Libc.MountReadOnly) : null;
        MountRows.Sys(Programme, hostSys, _spec.IsPrivileged, HostFacts.Current.HasCgroup2);
        Devices.Append(Programme);
        MountRows.MessageQueues(Programme);
        if (Terminal is not null)
        {
            MountRows.Bind(Programme, "/dev/pts/0", "/dev/console", "mount /dev/console");
        }

        foreach (SandboxMount mount in _spec.Mounts)
        {
            MountRows.AttachPart(Programme, mount.Source, mount.SubPath, PassingPlace, mount.Target);
        }

        if (!_spec.Files.IsEmpty)
        {
            MountRows.Files(Programme, WriteFiles(), PassingPlace, [.. _spec.Files.Select(file => file.Target)]);
        }

        if (_spec.IsReadOnlyRoot)
        {
            RootRows.MakeReadOnly(Programme);
        }

        if (!_spec.IsPrivileged)
        {
            MountRows.Mask(Programme);
        }
    }

    private DetachedMount? TryBind(string path, ulong attributes)
    {
        try
        {
            return Own(DetachedMount.Bind(path, isRecursive: true, attributes));
        }
        catch (SandboxException)
        {
            return null; // then the fresh one must do
        }
    }

    private DetachedMount WriteFiles()
    {
        long size = _spec.Files.Sum(file => file.Content.Length + 8192L) + 65536;
        DetachedMount mount = Own(DetachedMount.Tmpfs(
            0b111_101_101, size, Libc.MountNoSuid | Libc.MountNoDev | Libc.MountNoExec));
        int directory = mount.Handle.Number();
        for (int i = 0; i < _spec.Files.Length; i++)
        {
            SandboxFile file = _spec.Files[i];
            string name = i.ToString(System.Globalization.CultureInfo.InvariantCulture);
            MemoryFile.Write(directory, name, file.Content.Span, file.Mode);
            if ((file.UserId, file.GroupId) != (0, 0)
                && !AtCalls.RawChown(directory, System.Text.Encoding.ASCII.GetBytes(name), file.UserId, file.GroupId)
                && !HostFacts.Current.HasSingleId)
            {
                throw AtCalls.Failure("change owner of", directory, PathBytes(file.Target));
            }
        }

        return mount;
    }

    private static byte[] PathBytes(string path) => Solver.Files.PathEncoding.Encode(path);

    private void AppendIdentity()
    {
        CapabilitySet capabilities = new(_spec.Capabilities.Bits & HostFacts.Current.Permitted.Bits);
        IdentityRows.DropBounding(Programme, _spec.Capabilities);
        IdentityRows.SetUmask(Programme);
        bool isFiltered = _spec is { IsPrivileged: false, HasSeccompFilter: true };
        if (isFiltered && !_spec.NoNewPrivileges)
        {
            // While there is CAP_SYS_ADMIN: a filter without no_new_privs needs it. The calls below all pass it.
            SeccompRows.Install(Programme, DefaultSeccompProfile.Get(_spec.Capabilities), "install the call filter");
        }

        if (_spec.Ledger is null && !HostFacts.Current.HasSingleId)
        {
            IdentityRows.Become(Programme, _spec.User);
        }

        IdentityRows.SetCapabilities(
            Programme, _spec.User.UserId == 0 || _spec.Ledger is not null || HostFacts.Current.HasSingleId ? capabilities : CapabilitySet.Empty);
        if (_spec.NoNewPrivileges)
        {
            IdentityRows.SetNoNewPrivileges(Programme);
            if (isFiltered)
            {
                SeccompRows.Install(
                    Programme, DefaultSeccompProfile.Get(_spec.Capabilities), "install the call filter");
            }
        }
    }
}

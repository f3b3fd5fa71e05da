// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Seccomp;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox;

/// <summary>What a further process in a running container sees and may do.</summary>
internal sealed record ContainerEntrySpec
{
    /// <summary>A process of the container, in this process's view.</summary>
    public required int Pid { get; init; }

    /// <summary>The command and its arguments.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>"NAME=VALUE" in order.</summary>
    public required IReadOnlyList<string> Environment { get; init; }

    /// <summary>Where the command starts; must be there.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary>Who it is.</summary>
    public required SandboxUser User { get; init; }

    /// <summary>What it may do as root.</summary>
    public required CapabilitySet Capabilities { get; init; }

    /// <summary>The system call filter is installed.</summary>
    public required bool HasSeccompFilter { get; init; }

    /// <summary>It goes on when this process ends.</summary>
    public bool OutlivesParent { get; init; }

    /// <summary>execve never gives more rights.</summary>
    public bool NoNewPrivileges { get; init; }
}

/// <summary>
/// Starts a process inside a running container by entering its namespaces: the child enters, then makes the process, which
/// is ours by CLONE_PARENT, because a pid namespace only takes in those that are born in it.
/// </summary>
internal static class ContainerEntry
{
    private const nint CloneParentAndSignal = 0x8000 | 17; // CLONE_PARENT | SIGCHLD
    private const int TakeTerminal = 0x540E; // TIOCSCTTY

    private static readonly string[] s_namespaces = ["user", "mnt", "pid", "ipc", "uts", "net", "cgroup"];

    /// <summary>Starts a process and returns when its command has been executed; the streams stay the caller's.</summary>
    /// <exception cref="SandboxException">The container is gone, or the command cannot be executed.</exception>
    public static SpawnedProcess Start(ContainerEntrySpec spec, SandboxIo.Streams streams, bool isTerminal)
    {
        List<SafeFileHandle> namespaces = OpenNamespaces(spec.Pid);
        using SyscallProgramme programme = new();
        nint born = programme.ResultSlot();
        try
        {
            ProcessRows.Begin(programme);
            foreach (SafeFileHandle handle in namespaces)
            {
                programme.Add("enter the container", Syscall.Setns, (int)handle.DangerousGetHandle(), 0);
            }

            int fork = programme.Add("make the process", Syscall.CloneProcess, CloneParentAndSignal);
            programme.Change(fork, row => row with { Result = born, EndsParent = true });
            ProcessRows.DieWithParent(programme);
            programme.Add("start a session", Syscall.Setsid);
            ProcessRows.StandardStreams(
                programme, Number(streams.Input), Number(streams.Output), Number(streams.Error));
            if (isTerminal)
            {
                programme.Add("take the terminal", Syscall.Ioctl, 0, TakeTerminal);
            }

            ProcessRows.CloseDescriptors(programme);
            AppendIdentity(programme, spec);
            if (spec.OutlivesParent)
            {
                programme.Add("outlive the parent", Syscall.Prctl, Libc.PrSetPdeathsig, 0);
            }

            programme.Add($"enter {spec.WorkingDirectory}", Syscall.Chdir, programme.Text(spec.WorkingDirectory));
            CommandRows command = CommandRows.Append(programme, spec.Arguments, spec.Environment);
            return Start(programme, command, born, spec.WorkingDirectory);
        }
        finally
        {
            namespaces.ForEach(handle => handle.Dispose());
        }
    }

    private static unsafe SpawnedProcess Start(
        SyscallProgramme programme, CommandRows command, nint born, string workingDirectory)
    {
        SpawnedProcess? entrant = null;
        try
        {
            entrant = Spawner.Shared.Start(programme);
            entrant.Wait();
            int pid = (int)*(long*)born;
            nint descriptor = Libc.SystemCall(Syscall.PidfdOpen.Number, pid);
            return descriptor >= 0
                ? new SpawnedProcess(pid, new SafeFileHandle(descriptor, ownsHandle: true))
                : throw new LinuxException("pidfd_open", Libc.LastErrno);
        }
        catch (SandboxException failure) when (failure.IsCommandFailure)
        {
            throw command.Explain(workingDirectory);
        }
        finally
        {
            entrant?.Dispose();
        }
    }

    private static void AppendIdentity(SyscallProgramme programme, ContainerEntrySpec spec)
    {
        IdentityRows.DropBounding(programme, spec.Capabilities);
        IdentityRows.SetUmask(programme);
        if (spec is { HasSeccompFilter: true, NoNewPrivileges: false })
        {
            SeccompRows.Install(programme, DefaultSeccompProfile.Get(spec.Capabilities), "install the call filter");
        }

        IdentityRows.Become(programme, spec.User);
        IdentityRows.SetCapabilities(programme, spec.User.UserId == 0 ? spec.Capabilities : CapabilitySet.Empty);
        if (spec.NoNewPrivileges)
        {
            IdentityRows.SetNoNewPrivileges(programme);
            if (spec.HasSeccompFilter)
            {
                SeccompRows.Install(programme, DefaultSeccompProfile.Get(spec.Capabilities), "install the call filter");
            }
        }
    }

    /// <summary>Those of the container's namespaces that are not ours; the user namespace, which gives the rights to enter
    /// the others, first.</summary>
    private static List<SafeFileHandle> OpenNamespaces(int pid)
    {
        List<SafeFileHandle> handles = [];
        foreach (string name in s_namespaces)
        {
            string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/{name}");
            string? theirs = new FileInfo(path).LinkTarget;
            string? ours = new FileInfo($"/proc/self/ns/{name}").LinkTarget;
            if (theirs is not null && theirs != ours)
            {
                handles.Add(File.OpenHandle(path));
            }
        }

        return handles;
    }

    private static int Number(SafeFileHandle handle) => (int)handle.DangerousGetHandle();
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Isolation;

/// <summary>
/// Starts this executable again inside a user and a mount namespace of its own, where it is root: from there on the rest
/// of bld does the same as for the machine's root. A process with several threads, as every .NET process is, cannot
/// enter a user namespace itself.
/// </summary>
public static class UserNamespaceReexec
{
    /// <summary>Set in the inner process; its value is the rung's name.</summary>
    public const string Variable = "BLD_ISOLATION_RUNG";

    private const string ReasonsVariable = "BLD_ISOLATION_REASONS";

    /// <summary>
    /// Runs this command line inside, when the rung needs that, and gives back its exit status; null when this process
    /// can do the work itself: it is the machine's root, or inside already, or there is no namespace to be had.
    /// </summary>
    /// <param name="wanted">The rung asked for, or null for the best.</param>
    /// <param name="arguments">The command line without the executable.</param>
    /// <param name="environment">Variables to set for the inner process, such as the store's directory: its idea of
    /// "home" and "root" differs.</param>
    /// <param name="choice">The rung that commands of this process run on.</param>
    /// <exception cref="SandboxException">The rung asked for is not possible.</exception>
    public static int? RunIfNeeded(
        IsolationRung? wanted, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment,
        out IsolationChoice choice)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(environment);
        if (Environment.GetEnvironmentVariable(Variable) is { } inside && HostFacts.Current.IsInUserNamespace)
        {
            choice = IsolationChoice.Parse(inside, Environment.GetEnvironmentVariable(ReasonsVariable) ?? "");
            return null;
        }

        choice = wanted is null && CanDoWithout()
            ? IsolationChoice.Of(IsolationRung.Native)
            : IsolationLadder.Choose(wanted);
        return choice.Rung switch
        {
            IsolationRung.UserNamespace => Run(IdMapping.FindMany(out _)!, choice, arguments, environment),
            IsolationRung.SingleIdUserNamespace => Run(IdMapping.Single(), choice, arguments, environment),
            _ => null,
        };
    }

    // Tried, not guessed: a security module may forbid to root what its capability allows. A user namespace that somebody
    // made for us (podman unshare) is as good as one of our own.
    private static bool CanDoWithout() =>
        Libc.GetEffectiveUserId() == 0 && HostFacts.Current.Permitted.Contains(Capability.SysAdmin)
        && IsolationLadder.IsPrivileged();

    private static int Run(
        IdMapping mapping, IsolationChoice choice, IReadOnlyList<string> arguments,
        IReadOnlyDictionary<string, string> environment)
    {
        using var programme = new SyscallProgramme { CloneFlags = Libc.CloneNewUser | Libc.CloneNewNs };
        ProcessRows.Begin(programme);
        using IdMappingGate gate = IdMappingGate.Append(programme, mapping);
        programme.Add(
            "keep mounts private", Syscall.Mount, programme.Text("none"), programme.Text("/"), 0,
            (nint)(Libc.MountRecursive | Libc.MountPrivate));
        (string path, ImmutableArray<string> prefix) = Self();
        ProcessRows.Execute(
            programme, path, programme.TextArray([path, .. prefix, .. arguments]),
            programme.TextArray(InnerEnvironment(choice, environment)));
        using SpawnedProcess process = Spawner.Shared.Start(programme, gate.Open);
        using PosixSignalRegistration interrupt = Forward(process, PosixSignal.SIGINT, Libc.SigInt);
        using PosixSignalRegistration terminate = Forward(process, PosixSignal.SIGTERM, Libc.SigTerm);
        using PosixSignalRegistration hangUp = Forward(process, PosixSignal.SIGHUP, Libc.SigHup);
        return process.Wait().ShellCode;
    }

    // A terminal's Ctrl-C reaches both of us already: we are in one process group.
    private static PosixSignalRegistration Forward(SpawnedProcess process, PosixSignal signal, int number) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            if (number != Libc.SigInt || !IsTerminal())
            {
                process.Kill(number);
            }
        });

    private static bool IsTerminal() => Libc.IsTerminal(0) || Libc.IsTerminal(1) || Libc.IsTerminal(2);

    private static (string Path, ImmutableArray<string> Prefix) Self()
    {
        string path = Environment.ProcessPath
            ?? throw new SandboxException("enter a user namespace: the path of this executable is not known");
        bool isHost = Path.GetFileNameWithoutExtension(path) == "dotnet";
        return isHost ? (path, [Environment.GetCommandLineArgs()[0]]) : ("/proc/self/exe", []);
    }

    private static List<string> InnerEnvironment(IsolationChoice choice, IReadOnlyDictionary<string, string> additions)
    {
        var inner = new List<string>
        {
            $"{Variable}={IsolationRungs.NameOf(choice.Rung!.Value)}",
            $"{ReasonsVariable}={choice.Format()}",
        };
        inner.AddRange(additions.Select(addition => $"{addition.Key}={addition.Value}"));
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            if (!additions.ContainsKey((string)entry.Key) && (string)entry.Key is not (Variable or ReasonsVariable))
            {
                inner.Add($"{entry.Key}={entry.Value}");
            }
        }

        return inner;
    }
}

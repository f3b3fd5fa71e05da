// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>Rows that every process needs: signals, standard streams, the rest of the descriptors, execve(2).</summary>
internal static unsafe class ProcessRows
{
    private const int SignalCount = 64;
    private const int SigStop = 19;
    private const int SetMask = 2;
    private const int FirstDescriptor = 3;

    /// <summary>
    /// All signals back to their defaults: .NET ignores SIGPIPE and handles others. The child dies with this process.
    /// </summary>
    public static void Begin(SyscallProgramme programme)
    {
        nint action = programme.Block(4 * sizeof(nint));
        for (int signal = 1; signal <= SignalCount; signal++)
        {
            if (signal is not (Libc.SigKill or SigStop))
            {
                programme.Try("reset signals", Syscall.RtSigaction, signal, action, 0, sizeof(ulong));
            }
        }

        DieWithParent(programme);
    }

    /// <summary>SIGKILL when the spawning thread ends; set*id calls undo it.</summary>
    public static void DieWithParent(SyscallProgramme programme) =>
        programme.Add("tie the process to its parent", Syscall.Prctl, Libc.PrSetPdeathsig, Libc.SigKill);

    /// <summary>Makes descriptors 0, 1 and 2 of those given; a negative one is left as it is.</summary>
    public static void StandardStreams(SyscallProgramme programme, int input, int output, int error)
    {
        ReadOnlySpan<int> sources = [input, output, error];
        for (int target = 0; target < sources.Length; target++)
        {
            if (sources[target] == target)
            {
                programme.Add("keep standard streams", Syscall.Fcntl, target, Libc.FSetFd, 0);
            }
            else if (sources[target] >= 0)
            {
                programme.Add("connect standard streams", Syscall.Dup3, sources[target], target);
            }
        }
    }

    /// <summary>
    /// Closes everything above 2 except the error pipe, which becomes 3 (or what is given) and goes with execve(2). Done before the
    /// working directory is entered, so that no path through /proc/self/fd leads out (CVE-2024-21626).
    /// </summary>
    public static void CloseDescriptors(SyscallProgramme programme, int first = FirstDescriptor)
    {
        int row = programme.Add(
            "keep the error pipe", Syscall.Dup3, programme.ErrorDescriptor, first, Libc.OpenCloexec);
        programme.Change(row, r => r with { Result = programme.ErrorDescriptorSlot });
        programme.Add("close descriptors", Syscall.CloseRange, first + 1, int.MaxValue); // gVisor takes no more
    }

    /// <summary>Sets the mask of blocked signals to none and executes.</summary>
    public static void Execute(SyscallProgramme programme, string path, nint arguments, nint environment)
    {
        UnblockSignals(programme);
        programme.Add($"execute {path}", Syscall.Execve, programme.Text(path), arguments, environment);
    }

    /// <summary>Sets the mask of blocked signals to none; the last row before execve(2).</summary>
    public static void UnblockSignals(SyscallProgramme programme) =>
        programme.Add("unblock signals", Syscall.RtSigprocmask, SetMask, programme.Block(8), 0, sizeof(ulong));
}

// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>Tries what a traced command needs, with a throw-away child.</summary>
internal static class TraceProbe
{
    /// <summary>Null when it all works, else what does not.</summary>
    public static string? FindObstacle()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            return "not supported on this kind of machine yet; x86-64 only";
        }

        try
        {
            return TryFilters();
        }
        catch (SandboxException failure)
        {
            return failure.Errno == Errno.EBUSY
                ? $"{failure.Message}; the runtime listens to this container's calls itself (a seccomp notify profile)"
                : $"{failure.Message}; it needs ptrace and seccomp filters with a listener (Linux 5.14)";
        }
    }

    /// <summary>What the kernel adds to the tracer's confinement.</summary>
    public static string DescribeFence() => LandlockRules.Version switch
    {
        0 => "no landlock: confined by the tracer alone",
        < 6 and int version => $"landlock {version}: files; signals by the tracer alone",
        int version => $"landlock {version}",
    };

    private static string? TryFilters()
    {
        using var listener = new SeccompListener();
        (SafeFileHandle read, SafeFileHandle write) = Libc.CreatePipe();
        using (read)
        using (write)
        using (var programme = new SyscallProgramme())
        {
            ProcessRows.Begin(programme);
            programme.Add("wait for the tracer", Syscall.Close, write.Number());
            programme.Add("wait for the tracer", Syscall.Read, read.Number(), programme.Block(8), 1);
            IdentityRows.SetNoNewPrivileges(programme);
            listener.Append(programme, TraceFilters.ForListener(hasNetwork: true));
            SeccompRows.Install(programme, TraceFilters.ForTracer, "install the tracer's filter");
            programme.Add("end", Syscall.ExitGroup, 0);
            Errno seized = Errno.None;
            bool hasListener = false;
            using SpawnedProcess process = Spawner.Shared.Start(programme, pid =>
            {
                seized = Ptrace.Seize(pid);
                _ = Libc.WriteSome(write, [1]);
                hasListener = listener.TryReceive();
            });
            bool isSuccess = process.Wait().IsSuccess;
            return seized != Errno.None
                ? $"ptrace: {ErrnoText.Describe(seized)}; the seccomp profile or kernel.yama.ptrace_scope forbids it"
                : !hasListener || !isSuccess ? "install filters: the child was killed" : null;
        }
    }
}

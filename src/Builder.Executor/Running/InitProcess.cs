// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Running;

/// <summary>
/// Process 1 of a container with <c>--init</c>: this executable, mounted into the container. It starts the command,
/// forwards signals to it, reaps whatever is orphaned, and ends with the command's status.
/// </summary>
public static class InitProcess
{
    /// <summary>The hidden verb: <c>bld __init COMMAND...</c>.</summary>
    public const string Verb = "__init";

    /// <summary>Where the executable is mounted.</summary>
    internal const string MountedAt = "/dev/bld-init";

    private const int InterpreterHeader = 3; // PT_INTERP
    private const int MaxHeaderBytes = 4096;

    private static readonly int[] s_forwarded = [1 /* HUP */, 2 /* INT */, 3 /* QUIT */, 10 /* USR1 */, 12 /* USR2 */, 15 /* TERM */];

    /// <summary>The body of the process.</summary>
    public static int Run(ImmutableArray<string> command)
    {
        using SafeFileHandle input = new(0, ownsHandle: false);
        using SafeFileHandle output = new(1, ownsHandle: false);
        using SafeFileHandle error = new(2, ownsHandle: false);
        SpawnedProcess child;
        try
        {
            child = ProcessStarter.Start(new ProcessRequest(command[0], command[1..]), input, output, error);
        }
        catch (SandboxException exception)
        {
            _ = Libc.WriteSome(error, Encoding.UTF8.GetBytes($"error: {exception.Message}\n"));
            return exception.Errno is Errno.ENOENT or Errno.ENOTDIR ? 127 : 126;
        }

        // With a terminal, its keys reach the command by themselves: we are in one process group.
        bool hasTerminal = Libc.GetTerminalSettings(0) is not null;
        List<PosixSignalRegistration> registrations =
            [.. s_forwarded.Select(signal => PosixSignalRegistration.Create((PosixSignal)signal, context =>
            {
                context.Cancel = true;
                if (!hasTerminal || signal is not (2 or 3))
                {
                    _ = Libc.Kill(child.Pid, signal);
                }
            }))];
        int status = ReapUntil(child.Pid);
        registrations.ForEach(registration => registration.Dispose());
        return status;
    }

    /// <summary>The executable to mount.</summary>
    /// <exception cref="RunException">It needs a dynamic linker, which a container may not have.</exception>
    internal static string Locate()
    {
        string path = Environment.ProcessPath ?? "";
        return IsStatic(path) ? path : throw new RunException(
            RunFailure.NotStarted, "run an init in the container: this bld is linked dynamically and cannot run in every image")
        {
            Hint = "use the static executable that eng/build.sh makes, or leave --init out",
        };
    }

    /// <summary>An ELF file without PT_INTERP. Source: elf(5), 64 bits.</summary>
    private static bool IsStatic(string path)
    {
        byte[] buffer = new byte[MaxHeaderBytes];
        using FileStream file = File.OpenRead(path);
        int length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (length < 64 || !buffer.AsSpan(0, 4).SequenceEqual("\u007fELF"u8))
        {
            return false;
        }

        int offset = (int)BitConverter.ToUInt64(buffer, 32 /* e_phoff */);
        int size = BitConverter.ToUInt16(buffer, 54 /* e_phentsize */);
        int count = BitConverter.ToUInt16(buffer, 56 /* e_phnum */);
        return Enumerable.Range(0, count).All(i =>
            offset + (i * size) + 4 <= length && BitConverter.ToInt32(buffer, offset + (i * size)) != InterpreterHeader);
    }

    private static unsafe int ReapUntil(int pid)
    {
        const int Any = -1;
        while (true)
        {
            int word;
            int reaped = Libc.Wait4(Any, &word, Libc.WaitAll, null);
            if (reaped == pid)
            {
                return ExitStatus.FromWaitStatus(word).ShellCode;
            }

            if (reaped < 0 && Libc.LastErrno != Errno.EINTR)
            {
                throw new LinuxException("wait4", Libc.LastErrno);
            }
        }
    }
}

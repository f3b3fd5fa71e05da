// SPDX-License-Identifier: Apache-2.0

using System.Collections;
using System.Collections.Immutable;
using System.Text.Json;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Builder.Frontend;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Running;

/// <summary>
/// A detached container's watcher: this executable again, in a session of its own, started with a hidden verb. It
/// outlives the shell, keeps the log, publishes the ports, writes down how the container ended and removes it with --rm.
/// There is one for each detached container, and nothing above it.
/// </summary>
public static class ContainerMonitor
{
    /// <summary>The hidden verb: <c>bld __monitor ROOT ID</c>.</summary>
    public const string Verb = "__monitor";

    private const int ReportDescriptor = 3;
    private const int MaxReportBytes = 64 * 1024;

    /// <summary>Starts the monitor of a container and returns when the container runs; gives a warning, or null.</summary>
    /// <exception cref="RunException">The container could not be started.</exception>
    public static string? Launch(string root, ContainerRecord container)
    {
        (SafeFileHandle read, SafeFileHandle write) = Libc.CreatePipe();
        using (read)
        {
            using (write)
            {
                Spawn([Verb, root, container.Id], write);
            }

            return ReadReport(read);
        }
    }

    /// <summary>The body of the monitor.</summary>
    public static async Task<int> RunAsync(
        ContainerSession session, ContainerControl control, ContainerRecord container, CancellationToken cancellationToken)
    {
        using SafeFileHandle report = new(ReportDescriptor, ownsHandle: true);
        try
        {
            return await session.RunAsync(
                container, ContainerIo.None, () => Tell(report, new MonitorReport(null, "", null, session.Warning)), cancellationToken);
        }
        catch (BuildException exception)
        {
            RunFailure failure = exception is RunException run ? run.Failure : RunFailure.NotStarted;
            Tell(report, new MonitorReport(failure, exception.Message, exception.Hint, null));
            return ContainerSession.ExitCodeOf(failure);
        }
        finally
        {
            if (container.AutoRemove)
            {
                control.Remove(container, force: false, withVolumes: true);
            }
        }
    }

    private static void Tell(SafeFileHandle report, MonitorReport message)
    {
        _ = Libc.WriteSome(report, JsonSerializer.SerializeToUtf8Bytes(message, RunningJson.Default.MonitorReport));
        report.Dispose();
    }

    private static string? ReadReport(SafeFileHandle read)
    {
        byte[] buffer = new byte[MaxReportBytes];
        int length = 0;
        int count;
        while (length < buffer.Length && (count = Libc.ReadSome(read, buffer.AsSpan(length))) > 0)
        {
            length += count;
        }

        MonitorReport report = length == 0
            ? new MonitorReport(RunFailure.NotStarted, "start the container: its monitor ended without a word", null, null)
            : JsonSerializer.Deserialize(buffer.AsSpan(0, length), RunningJson.Default.MonitorReport)!;
        return report.Failure is not { } failure
            ? report.Warning
            : throw new RunException(failure, report.Message) { Hint = report.Hint };
    }

    /// <summary>Starts this executable so that it survives us: no parent-death signal, a session of its own.</summary>
    private static void Spawn(ImmutableArray<string> arguments, SafeFileHandle report)
    {
        const int CopyOfReport = 64;
        using SafeFileHandle nothing = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite);
        using SyscallProgramme programme = new();
        ProcessRows.Begin(programme);
        programme.Add("outlive the parent", Syscall.Prctl, Libc.PrSetPdeathsig, 0);
        programme.Add("start a session", Syscall.Setsid);
        int copy = programme.Add(
            "pass the report pipe", Syscall.Fcntl, (int)report.DangerousGetHandle(), Libc.FDupFdCloexec, CopyOfReport);
        int null0 = (int)nothing.DangerousGetHandle();
        ProcessRows.StandardStreams(programme, null0, null0, null0);
        int move = programme.Add("pass the report pipe", Syscall.Dup3, 0, ReportDescriptor, 0);
        programme.ForwardResult(copy, move, argument: 0);
        ProcessRows.CloseDescriptors(programme, ReportDescriptor + 1);
        programme.Add("leave the working directory", Syscall.Chdir, programme.Text("/"));
        (string path, ImmutableArray<string> prefix) = SelfExecutable.Locate();
        ProcessRows.Execute(
            programme, path, programme.TextArray([path, .. prefix, .. arguments]), programme.TextArray(CurrentEnvironment()));

        // It is not waited for: when we end, init takes it over.
        _ = Spawner.Shared.Start(programme);
    }

    private static List<string> CurrentEnvironment() =>
        [.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(entry => $"{entry.Key}={entry.Value}")];
}

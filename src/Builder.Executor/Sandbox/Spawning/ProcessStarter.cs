// SPDX-License-Identifier: Apache-2.0

using System.Collections;
using Builder.Executor.Interop;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>
/// Runs helper programmes of the host, outside any sandbox. It takes the place of System.Diagnostics.Process, which as
/// pid 1 reaps children that are not its own.
/// </summary>
public static class ProcessStarter
{
    private const int LowestCopy = 64;

    /// <summary>Runs a programme to its end and keeps what it wrote.</summary>
    /// <exception cref="SandboxException">It could not be started: not found, not executable.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; it has been killed.</exception>
    public static ProcessResult Run(ProcessRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        (SafeFileHandle outputRead, SafeFileHandle outputWrite) = Libc.CreatePipe();
        (SafeFileHandle errorRead, SafeFileHandle errorWrite) = Libc.CreatePipe();
        (SafeFileHandle inputRead, SafeFileHandle inputWrite) = OpenInput(request);
        using (outputRead)
        using (errorRead)
        using (inputWrite)
        {
            SpawnedProcess process;
            using (outputWrite)
            using (errorWrite)
            using (inputRead)
            {
                process = Start(request, inputRead, outputWrite, errorWrite);
            }

            using (process)
            using (cancellationToken.Register(() => process.Kill(Libc.SigKill)))
            {
                ProcessResult result = Collect(request, process, outputRead, errorRead, inputWrite);
                cancellationToken.ThrowIfCancellationRequested();
                return result;
            }
        }
    }

    /// <summary>The full path of a programme in this process's PATH, or null.</summary>
    public static string? FindInPath(string fileName)
    {
        if (fileName.Contains('/', StringComparison.Ordinal))
        {
            return File.Exists(fileName) ? fileName : null;
        }

        string path = Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
        return path.Split(':')
            .Select(directory => Path.Join(directory, fileName))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>Starts a programme with the given descriptors as its standard streams.</summary>
    internal static SpawnedProcess Start(
        ProcessRequest request, SafeFileHandle input, SafeFileHandle output, SafeFileHandle error)
    {
        string path = FindInPath(request.FileName)
            ?? throw new SandboxException($"start {request.FileName}", "execve", Errno.ENOENT) { IsCommandFailure = true };
        using var programme = new SyscallProgramme();
        ProcessRows.Begin(programme);
        PassDescriptors(programme, request, input, output, error);
        if (request.WorkingDirectory is not null)
        {
            programme.Add(
                $"enter {request.WorkingDirectory}", Syscall.Chdir, programme.Text(request.WorkingDirectory));
        }

        ProcessRows.Execute(
            programme, path, programme.TextArray([request.FileName, .. request.Arguments]),
            programme.TextArray(request.Environment is { } environment ? environment : CurrentEnvironment()));
        return Spawner.Shared.Start(programme);
    }

    // Sources are first copied out of the way of the targets.
    private static void PassDescriptors(
        SyscallProgramme programme, ProcessRequest request, SafeFileHandle input, SafeFileHandle output,
        SafeFileHandle error)
    {
        var copies = new List<int>();
        foreach (int descriptor in request.PassedDescriptors)
        {
            copies.Add(programme.Add(
                "pass a descriptor", Syscall.Fcntl, descriptor, Libc.FDupFdCloexec, LowestCopy));
        }

        ProcessRows.StandardStreams(programme, Number(input), Number(output), Number(error));
        int target = 3;
        foreach (int copy in copies)
        {
            int move = programme.Add("pass a descriptor", Syscall.Dup3, 0, target++, 0);
            programme.ForwardResult(copy, move, argument: 0);
        }

        ProcessRows.CloseDescriptors(programme, target);
    }

    private static int Number(SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    private static (SafeFileHandle Read, SafeFileHandle Write) OpenInput(ProcessRequest request) =>
        request.StandardInput.IsEmpty
            ? (File.OpenHandle("/dev/null"), new SafeFileHandle(-1, ownsHandle: false))
            : Libc.CreatePipe();

    private static ProcessResult Collect(
        ProcessRequest request, SpawnedProcess process, SafeFileHandle output, SafeFileHandle error,
        SafeFileHandle input)
    {
        using var outputBytes = new MemoryStream();
        using var errorBytes = new MemoryStream();
        long deadline = request.Timeout is { } timeout
            ? Environment.TickCount64 + (long)timeout.TotalMilliseconds
            : long.MaxValue;
        bool inTime = OutputPump.Run(
            process, output, error, Keep, deadline, input.IsInvalid ? null : input, request.StandardInput);
        if (!inTime)
        {
            process.Kill(Libc.SigKill);
        }

        return new ProcessResult(process.Wait(), outputBytes.ToArray(), errorBytes.ToArray(), !inTime);

        void Keep(bool isError, ReadOnlySpan<byte> bytes)
        {
            MemoryStream stream = isError ? errorBytes : outputBytes;
            stream.Write(bytes[..(int)Math.Min(bytes.Length, request.MaxOutputBytes - stream.Length)]);
        }
    }

    private static List<string> CurrentEnvironment()
    {
        var environment = new List<string>();
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            environment.Add($"{entry.Key}={entry.Value}");
        }

        return environment;
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>Enters the working directory and executes the command, looked up inside the container.</summary>
internal sealed unsafe class CommandRows
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private readonly string _command;
    private readonly List<nint> _results = [];

    private CommandRows(string command) => _command = command;

    /// <summary>Appends the rows: chdir(2), and one execve(2) for each place in PATH.</summary>
    public static CommandRows Append(SyscallProgramme programme, ProcessSpec spec)
    {
        programme.Add($"enter {spec.WorkingDirectory}", Syscall.Chdir, programme.Text(spec.WorkingDirectory));
        return Append(programme, spec.Arguments, spec.Environment);
    }

    /// <summary>
    /// The reason why nothing was executed: of all places tried, the one that tells most. While the programme lives.
    /// </summary>
    public SandboxException Explain(string workingDirectory)
    {
        Errno errno = Errno.ENOENT;
        foreach (nint result in _results)
        {
            Errno tried = (Errno)(int)-*(long*)result;
            if (tried is not (Errno.ENOENT or Errno.ENOTDIR or Errno.None))
            {
                errno = tried;
                break;
            }
        }

        bool isSearched = !_command.Contains('/', StringComparison.Ordinal);
        return errno switch
        {
            Errno.ENOENT when isSearched => Failure("executable file not found in $PATH", errno, null),
            Errno.ENOENT => Failure(
                "no such file or directory", errno,
                "check that the file is there, and that the interpreter or loader it names is"),
            Errno.EACCES => Failure(
                "permission denied", errno, "make the file executable: RUN chmod +x, or COPY --chmod=755"),
            Errno.ENOEXEC => Failure(
                "exec format error", errno,
                "the file is for another kind of machine, or a script without a first line like #!/bin/sh"),
            _ => Failure($"{ErrnoText.Describe(errno)} (in {workingDirectory})", errno, null),
        };
    }

    private static CommandRows Append(
        SyscallProgramme programme, ImmutableArray<string> arguments, ImmutableArray<string> environment)
    {
        var rows = new CommandRows(arguments[0]);
        nint argumentArray = programme.TextArray(arguments);
        nint environmentArray = programme.TextArray(environment);
        ProcessRows.UnblockSignals(programme);
        string[] places = [.. Candidates(arguments[0], environment)];
        for (int i = 0; i < places.Length; i++)
        {
            nint result = programme.ResultSlot();
            rows._results.Add(result);
            bool isLast = i == places.Length - 1;
            int row = programme.Add(
                $"execute {arguments[0]}", Syscall.Execve, programme.Text(places[i]), argumentArray, environmentArray);
            programme.Change(row, r => r with { MayFail = !isLast, Result = result });
        }

        return rows;
    }

    private SandboxException Failure(string cause, Errno errno, string? hint) =>
        new($"execute \"{_command}\": {cause}")
        {
            IsCommandFailure = true,
            CommandErrno = errno,
            Hint = hint,
        };

    private static IEnumerable<string> Candidates(string command, IReadOnlyList<string> environment)
    {
        if (command.Contains('/', StringComparison.Ordinal) || command.Length == 0)
        {
            return [command];
        }

        string path = environment.LastOrDefault(entry => entry.StartsWith("PATH=", StringComparison.Ordinal)) is { } set
            ? set["PATH=".Length..]
            : DefaultPath;
        return path.Split(':').Select(directory => directory.Length == 0 ? $"./{command}" : $"{directory}/{command}");
    }
}

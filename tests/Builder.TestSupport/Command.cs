// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Text;

namespace Builder.TestSupport;

/// <summary>What a command printed and how it ended; 128+n when signal n ended it.</summary>
public sealed record CommandResult(string CommandLine, int ExitCode, string Output, string Error)
{
    /// <summary>Output without the last line feed.</summary>
    public string Text => Output.TrimEnd('\n');

    /// <summary>Output as lines.</summary>
    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Throws with everything that was printed unless the command ended well.</summary>
    public CommandResult Succeeded() => ExitCode == 0 ? this : throw new InvalidOperationException(ToString());

    /// <summary>Throws unless the command failed with this status.</summary>
    public CommandResult Failed(int exitCode) =>
        ExitCode == exitCode ? this : throw new InvalidOperationException($"expected status {exitCode}: {this}");

    public override string ToString() => $"$ {CommandLine}\nstatus {ExitCode}\n{Output}\n{Error}";
}

/// <summary>Runs commands of the machine, as root or as somebody else.</summary>
public sealed class Command
{
    private const int TimeoutSeconds = 300;

    private readonly ProcessStartInfo _start;
    private readonly List<string> _line = [];
    private string? _input;

    public Command(string file, params IEnumerable<string> arguments)
    {
        _start = new ProcessStartInfo(file)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        _line.Add(file);
        foreach (string argument in arguments)
        {
            _start.ArgumentList.Add(argument);
            _line.Add(argument);
        }
    }

    /// <summary>A line for sh.</summary>
    public static CommandResult Shell(string line) => new Command("sh", "-ec", line).Run();

    public Command In(string directory)
    {
        _start.WorkingDirectory = directory;
        return this;
    }

    public Command With(string variable, string? value)
    {
        _start.Environment[variable] = value;
        return this;
    }

    public Command Input(string text)
    {
        _input = text;
        return this;
    }

    /// <summary>Starts without waiting; the caller reads the streams and disposes.</summary>
    public Process Start() => Process.Start(_start)!;

    public CommandResult Run()
    {
        using Process process = Start();
        var output = new StringBuilder();
        var error = new StringBuilder();
        process.OutputDataReceived += (_, data) => Append(output, data.Data);
        process.ErrorDataReceived += (_, data) => Append(error, data.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            process.StandardInput.Write(_input ?? "");
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // the command did not want its input
        }

        if (!process.WaitForExit(TimeSpan.FromSeconds(TimeoutSeconds)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{string.Join(' ', _line)}\n{output}\n{error}");
        }

        process.WaitForExit();
        lock (output)
        {
            lock (error)
            {
                return new CommandResult(string.Join(' ', _line), process.ExitCode, output.ToString(), error.ToString());
            }
        }
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is not null)
        {
            lock (text)
            {
                text.Append(line).Append('\n');
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Isolation;

namespace Builder.Cli;

/// <summary>The terminal, the environment and the clock as commands see them; tests give their own.</summary>
internal sealed class CliContext
{
    /// <summary>Where results go.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Where progress, warnings and errors go.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Where answers come from.</summary>
    public required TextReader In { get; init; }

    /// <summary>Opens standard input as bytes.</summary>
    public Func<Stream> OpenStandardInput { get; init; } = Console.OpenStandardInput;

    /// <summary>Opens standard output as bytes.</summary>
    public Func<Stream> OpenStandardOutput { get; init; } = Console.OpenStandardOutput;

    /// <summary>Opens standard error as bytes.</summary>
    public Func<Stream> OpenStandardError { get; init; } = Console.OpenStandardError;

    /// <summary>Standard input is a terminal.</summary>
    public bool IsInputTerminal { get; init; }

    /// <summary>Standard output is a terminal.</summary>
    public bool IsOutputTerminal { get; init; }

    /// <summary>Standard error is a terminal.</summary>
    public bool IsErrorTerminal { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How commands are isolated; found out before a command begins that may run some.</summary>
    public IsolationChoice Isolation { get; set; } = IsolationChoice.Of(IsolationRung.Native);

    /// <summary>Looks a variable up; null when it is not set.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>
    /// The process's own console. Only its streams are used: <see cref="Console.Out"/> and <see cref="Console.In"/> would
    /// reprogram the terminal, which belongs to the container.
    /// </summary>
    public static CliContext FromConsole()
    {
        bool isOutputTerminal = !Console.IsOutputRedirected;
        return new CliContext
        {
            Out = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = isOutputTerminal },
            Error = new StreamWriter(Console.OpenStandardError()) { AutoFlush = true },
            In = new StreamReader(Console.OpenStandardInput()),
            IsInputTerminal = !Console.IsInputRedirected,
            IsOutputTerminal = isOutputTerminal,
            IsErrorTerminal = !Console.IsErrorRedirected,
        };
    }
}

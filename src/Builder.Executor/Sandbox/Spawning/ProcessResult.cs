// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>What a helper programme did.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="StandardOutput">What it wrote to its standard output, up to the limit.</param>
/// <param name="StandardError">What it wrote to its standard error, up to the limit.</param>
/// <param name="HasTimedOut">It was killed because it took too long.</param>
public sealed record ProcessResult(
    ExitStatus Status, ReadOnlyMemory<byte> StandardOutput, ReadOnlyMemory<byte> StandardError, bool HasTimedOut)
{
    /// <summary>The status as a shell reports it.</summary>
    public int ExitCode => Status.ShellCode;

    /// <summary>Standard output as UTF-8 text.</summary>
    public string OutputText => Encoding.UTF8.GetString(StandardOutput.Span);

    /// <summary>Standard error as UTF-8 text.</summary>
    public string ErrorText => Encoding.UTF8.GetString(StandardError.Span);
}

// SPDX-License-Identifier: Apache-2.0

using System.Runtime.CompilerServices;
using Xunit;

namespace Builder.TestSupport;

/// <summary>A test that root runs with commands that a machine may lack; skipped with the missing one as the reason.</summary>
public sealed class ToolFactAttribute : FactAttribute
{
    /// <param name="tools">Names of commands, separated by blanks.</param>
    /// <param name="file">Where the test is.</param>
    /// <param name="line">Its line.</param>
    public ToolFactAttribute(string tools, [CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        string? missing = tools.Split(' ').FirstOrDefault(tool => !IsInPath(tool));
        Skip = !string.Equals(Environment.UserName, "root", StringComparison.Ordinal) ? "needs root"
            : missing is not null ? $"needs {missing}"
            : null;
    }

    private static bool IsInPath(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Join(directory, tool)));
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Cli.CommandLine;
using Builder.Cli.Commands;

namespace Builder.Cli.Tests;

/// <summary>A command line of which everything written is kept.</summary>
internal sealed class TestCli : IDisposable
{
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();

    public TestCli(Dictionary<string, string>? variables = null, TimeProvider? time = null)
    {
        Context = new CliContext
        {
            Out = _out,
            Error = _error,
            In = new StringReader(""),
            Variable = name => variables?.GetValueOrDefault(name),
            Time = time ?? TimeProvider.System,
        };
    }

    public CliContext Context { get; }

    public string Output => _out.ToString();

    public string Error => _error.ToString();

    public void Dispose()
    {
        _out.Dispose();
        _error.Dispose();
    }

    public Task<int> RunAsync(params string[] arguments) =>
        new CommandRunner(Context, CommandTable.Verbs).RunAsync(arguments);
}

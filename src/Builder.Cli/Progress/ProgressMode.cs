// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Isolation;
using Builder.Solver.Progress;

namespace Builder.Cli.Progress;

/// <summary>How a build reports what it does (<c>--progress</c>).</summary>
internal enum ProgressMode
{
    /// <summary>A live display on a terminal, else plain.</summary>
    Auto,

    /// <summary>Lines, one after the other.</summary>
    Plain,

    /// <summary>A live display.</summary>
    Tty,

    /// <summary>One JSON object a line.</summary>
    RawJson,

    /// <summary>Nothing.</summary>
    Quiet,
}

/// <summary>Something that shows a build and can be finished.</summary>
internal interface IProgressDisplay : IBuildObserver, IDisposable
{
    /// <summary>Told how commands are isolated, before anything else.</summary>
    void Begin(IsolationChoice isolation)
    {
    }
}

/// <summary>Chooses the display.</summary>
internal static class ProgressDisplay
{
    /// <summary>Makes the display that <c>--progress</c> or $BUILDKIT_PROGRESS asks for.</summary>
    /// <exception cref="UsageException">No such display.</exception>
    public static IProgressDisplay Create(CliContext cli, string? option, bool quiet)
    {
        string name = option ?? cli.Variable("BUILDKIT_PROGRESS") ?? "auto";
        ProgressMode mode = quiet ? ProgressMode.Quiet : name switch
        {
            "" or "auto" => ProgressMode.Auto,
            "plain" => ProgressMode.Plain,
            "tty" => ProgressMode.Tty,
            "rawjson" => ProgressMode.RawJson,
            "quiet" or "none" => ProgressMode.Quiet,
            _ => throw new UsageException($"invalid progress type \"{name}\"")
            {
                Hint = "one of auto, plain, tty, rawjson, quiet",
            },
        };
        return mode switch
        {
            ProgressMode.Quiet => new QuietProgress(),
            ProgressMode.RawJson => new JsonProgress(cli.Error, cli.Time),
            ProgressMode.Tty => new TerminalProgress(cli),
            ProgressMode.Auto when cli.IsErrorTerminal => new TerminalProgress(cli),
            _ => new PlainProgress(cli.Error, cli.Time),
        };
    }
}

/// <summary>Shows nothing.</summary>
internal sealed class QuietProgress : IProgressDisplay
{
    /// <inheritdoc/>
    public void Observe(BuildEvent buildEvent)
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}

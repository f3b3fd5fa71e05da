// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Sandbox.Isolation;
using Builder.Solver.Progress;

namespace Builder.Cli.Progress;

/// <summary>
/// BuildKit's plain form: <c>#N NAME</c> when a step begins or speaks again, <c>#N 0.123 line</c>, <c>#N CACHED</c>,
/// <c>#N DONE 1.2s</c>, <c>#N ERROR: cause</c>, an empty line between steps.
/// </summary>
internal sealed class PlainProgress(TextWriter writer, TimeProvider time) : IProgressDisplay
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, Shown> _steps = [];
    private int _current;

    /// <inheritdoc/>
    public void Begin(IsolationChoice isolation) => writer.WriteLine(isolation.Describe());

    /// <inheritdoc/>
    public void Observe(BuildEvent buildEvent)
    {
        lock (_lock)
        {
            Show(buildEvent);
            writer.Flush();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            writer.Flush();
        }
    }

    private void Show(BuildEvent buildEvent)
    {
        switch (buildEvent)
        {
            case StepStarted started:
                _steps[started.Step.Id] = new Shown(started.Step, time.GetTimestamp());
                TurnTo(started.Step);
                break;
            case StepPrinted printed:
                Shown step = Find(printed.Step);
                PrintLines(step, step.Lines.Take(printed.Bytes.AsSpan()));
                break;
            case StepProgressed { TotalBytes: > 0 } progressed when progressed.CurrentBytes >= progressed.TotalBytes:
                TurnTo(progressed.Step);
                string size = Output.HumanText.Size(progressed.TotalBytes);
                Write(progressed.Step, $"{progressed.Item} {size} done");
                break;
            case StepCompleted completed:
                Finish(completed.Step, completed.Cached ? "CACHED" : $"DONE {Seconds(completed.Duration, 1)}s");
                break;
            case StepFailed failed:
                Finish(failed.Step, failed.Canceled ? "CANCELED" : $"ERROR: {failed.Message}");
                break;
            case BuildWarned warned:
                string place = warned.Diagnostic.Span is { } span ? $" (line {span.Start.Line})" : "";
                Separate();
                writer.WriteLine($"WARN: {warned.Diagnostic.Code}: {warned.Diagnostic.Message}{place}");
                _current = 0;
                break;
        }
    }

    private void PrintLines(Shown step, List<string> lines)
    {
        if (lines.Count == 0)
        {
            return;
        }

        TurnTo(step.Step);
        string elapsed = Seconds(time.GetElapsedTime(step.Started), 3);
        foreach (string line in lines)
        {
            Write(step.Step, $"{elapsed} {line}");
        }
    }

    private void Finish(StepInfo info, string verdict)
    {
        Shown step = Find(info);
        if (step.Lines.TakePartial() is { } partial)
        {
            PrintLines(step, [partial]);
        }

        TurnTo(info);
        Write(info, verdict);
        step.IsFinished = true;
    }

    /// <summary>Makes a step the one that speaks; the interrupted one gets a line with dots.</summary>
    private void TurnTo(StepInfo step)
    {
        if (_current == step.Id)
        {
            return;
        }

        if (_steps.TryGetValue(_current, out Shown? old) && !old.IsFinished)
        {
            writer.WriteLine($"#{old.Step.Id} ...");
        }

        Separate();
        Write(step, step.Name);
        _current = step.Id;
    }

    private void Separate()
    {
        if (_hasWritten)
        {
            writer.WriteLine();
        }

        _hasWritten = true;
    }

    private bool _hasWritten;

    private Shown Find(StepInfo step)
    {
        if (!_steps.TryGetValue(step.Id, out Shown? shown))
        {
            shown = new Shown(step, time.GetTimestamp());
            _steps[step.Id] = shown;
        }

        return shown;
    }

    private void Write(StepInfo step, string text) => writer.WriteLine($"#{step.Id} {text}");

    private static string Seconds(TimeSpan duration, int digits) =>
        duration.TotalSeconds.ToString($"F{digits}", CultureInfo.InvariantCulture);

    private sealed class Shown(StepInfo step, long started)
    {
        public StepInfo Step { get; } = step;

        public long Started { get; } = started;

        public LineSplitter Lines { get; } = new();

        public bool IsFinished { get; set; }
    }
}

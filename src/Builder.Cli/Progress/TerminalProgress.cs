// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Solver.Progress;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Builder.Cli.Progress;

/// <summary>
/// The live display: finished steps scroll up, running ones stay at the bottom with their time and their last lines of
/// output. When the build fails, the whole output of the failed step is printed.
/// </summary>
internal sealed class TerminalProgress : IProgressDisplay
{
    private const int MaxKeptLines = 2000;
    private const int RefreshMilliseconds = 100;

    private readonly IAnsiConsole _console;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, Row> _running = [];
    private readonly List<IRenderable> _finished = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private readonly int _logLines;
    private int _doneCount;
    private int _totalCount;

    /// <summary>Starts the display.</summary>
    public TerminalProgress(CliContext cli)
    {
        _console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(cli.Error),
            Ansi = AnsiSupport.Yes,
            Interactive = InteractionSupport.Yes,
            ColorSystem = cli.Variable("NO_COLOR") is { Length: > 0 } ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
        });
        _time = cli.Time;
        _started = _time.GetTimestamp();
        _logLines = int.TryParse(cli.Variable("BUILDKIT_TTY_LOG_LINES"), CultureInfo.InvariantCulture, out int n) ? n : 6;
        _loop = Task.Run(RefreshAsync);
    }

    /// <inheritdoc/>
    public void Observe(BuildEvent buildEvent)
    {
        lock (_lock)
        {
            switch (buildEvent)
            {
                case StepStarted started:
                    _running[started.Step.Id] = new Row(started.Step, _time.GetTimestamp());
                    _totalCount++;
                    break;
                case StepPrinted printed when _running.TryGetValue(printed.Step.Id, out Row? row):
                    row.Add(row.Splitter.Take(printed.Bytes.AsSpan()));
                    break;
                case StepProgressed progressed when _running.TryGetValue(progressed.Step.Id, out Row? row):
                    row.Transfers[progressed.Item] = (progressed.CurrentBytes, progressed.TotalBytes);
                    break;
                case StepCompleted completed:
                    Finish(completed.Step, completed.Cached ? "CACHED " : "", "blue", completed.Duration);
                    break;
                case StepFailed failed:
                    Fail(failed);
                    break;
                case BuildWarned warned:
                    _finished.Add(Line($"WARN: {warned.Diagnostic.Code}: {warned.Diagnostic.Message}", "", "yellow"));
                    break;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        _loop.GetAwaiter().GetResult();
        _stop.Dispose();
    }

    private async Task RefreshAsync()
    {
        LiveDisplay live = _console.Live(new Text("")).AutoClear(true);
        await live.StartAsync(async context =>
        {
            while (!_stop.IsCancellationRequested)
            {
                Refresh(context);
                await Task.Delay(TimeSpan.FromMilliseconds(RefreshMilliseconds), _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            Refresh(context);
        });
        string took = Seconds(_time.GetElapsedTime(_started));
        _console.WriteLine($"[+] Building {took} ({_doneCount}/{_totalCount})");
    }

    private void Refresh(LiveDisplayContext context)
    {
        List<IRenderable> finished;
        Rows live;
        lock (_lock)
        {
            finished = [.. _finished];
            _finished.Clear();
            live = new Rows(Live());
        }

        // What is written while a live display is shown appears above it.
        foreach (IRenderable line in finished)
        {
            _console.Write(line);
        }

        context.UpdateTarget(live);
    }

    private List<IRenderable> Live()
    {
        string took = Seconds(_time.GetElapsedTime(_started));
        List<IRenderable> rows = [new Text($"[+] Building {took} ({_doneCount}/{_totalCount})")];
        int room = Math.Max(1, _console.Profile.Height - 2);
        foreach (Row row in _running.Values)
        {
            rows.Add(Line($" => {row.Step.Name}", Seconds(_time.GetElapsedTime(row.Started)), "default"));
            rows.AddRange(row.Transfers.Where(t => t.Value.Total == 0 || t.Value.Current < t.Value.Total).TakeLast(4)
                .Select(t => Line($" => => {t.Key}", Transfer(t.Value), "grey")));
            rows.AddRange(row.Lines.TakeLast(_logLines).Select(line => Line($" => => # {line}", "", "grey")));
        }

        return rows.Count <= room ? rows : rows[..room];
    }

    private void Finish(StepInfo step, string prefix, string color, TimeSpan duration)
    {
        _running.Remove(step.Id);
        _doneCount++;
        _finished.Add(Line($" => {prefix}{step.Name}", Seconds(duration), color));
    }

    private void Fail(StepFailed failed)
    {
        _running.TryGetValue(failed.Step.Id, out Row? row);
        Finish(failed.Step, failed.Canceled ? "CANCELED " : "ERROR ", failed.Canceled ? "yellow" : "red", failed.Duration);
        if (failed.Canceled || row is null)
        {
            return;
        }

        if (row.Splitter.TakePartial() is { } partial)
        {
            row.Add([partial]);
        }

        if (row.Lines.Count > 0)
        {
            _finished.Add(new Text($"------\n > {failed.Step.Name}:\n{string.Join('\n', row.Lines)}\n------\n"));
        }
    }

    /// <summary>One line: text at the left, cut to fit, time at the right.</summary>
    private Text Line(string text, string right, string color)
    {
        int width = Math.Max(20, _console.Profile.Width) - 1;
        int room = width - right.Length - 1;
        string shown = text.Replace('\t', ' ');
        shown = shown.Length > room ? Output.HumanText.Truncate(shown, room) : shown.PadRight(room);
        return new Text($"{shown} {right}\n", new Style(Style.Parse(color).Foreground));
    }

    private static string Transfer((long Current, long Total) transfer) => transfer.Total == 0
        ? Output.HumanText.Size(transfer.Current)
        : $"{Output.HumanText.Size(transfer.Current)} / {Output.HumanText.Size(transfer.Total)}";

    private static string Seconds(TimeSpan duration) =>
        duration.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture) + "s";

    private sealed class Row(StepInfo step, long started)
    {
        public StepInfo Step { get; } = step;

        public long Started { get; } = started;

        public LineSplitter Splitter { get; } = new();

        public List<string> Lines { get; } = [];

        public Dictionary<string, (long Current, long Total)> Transfers { get; } = new(StringComparer.Ordinal);

        public void Add(List<string> lines)
        {
            Lines.AddRange(lines);
            if (Lines.Count > MaxKeptLines)
            {
                Lines.RemoveRange(0, Lines.Count - MaxKeptLines);
            }
        }
    }
}

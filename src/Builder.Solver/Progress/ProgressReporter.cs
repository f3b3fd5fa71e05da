// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;
using Builder.Solver.Ports;

namespace Builder.Solver.Progress;

/// <summary>Numbers steps and passes events on one after the other, whichever threads they come from.</summary>
internal sealed class ProgressReporter
{
    private readonly IBuildObserver _observer;
    private readonly Lock _gate = new();
    private int _announced;

    /// <summary>Creates a reporter for one build.</summary>
    public ProgressReporter(IBuildObserver observer, TimeProvider time)
    {
        _observer = observer;
        Time = time;
    }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; }

    /// <summary>Announces a step that begins now. Disposing the step before it is completed reports a failure.</summary>
    public ProgressStep Start(string name, SourceSpan? location)
    {
        lock (_gate)
        {
            var step = new ProgressStep(this, new StepInfo(++_announced, name, location));
            _observer.Observe(new StepStarted(step.Info));
            return step;
        }
    }

    /// <summary>Passes an event on.</summary>
    public void Report(BuildEvent buildEvent)
    {
        lock (_gate)
        {
            _observer.Observe(buildEvent);
        }
    }
}

/// <summary>A step in progress; receives its output.</summary>
internal sealed class ProgressStep : IStepOutput, IDisposable
{
    private readonly ProgressReporter _reporter;
    private readonly long _started;
    private bool _ended;
    private string? _failure;

    /// <summary>Creates the step; <see cref="ProgressReporter.Start"/> announces it.</summary>
    public ProgressStep(ProgressReporter reporter, StepInfo info)
    {
        _reporter = reporter;
        _started = reporter.Time.GetTimestamp();
        Info = info;
    }

    /// <summary>The step as progress shows it.</summary>
    public StepInfo Info { get; }

    private TimeSpan Elapsed => _reporter.Time.GetElapsedTime(_started);

    /// <inheritdoc/>
    public void Write(bool isStandardError, ReadOnlySpan<byte> bytes) =>
        _reporter.Report(new StepPrinted(Info, isStandardError, [.. bytes]));

    /// <summary>Reports that it ended well.</summary>
    public void Complete(bool cached)
    {
        _ended = true;
        _reporter.Report(new StepCompleted(Info, cached, Elapsed));
    }

    /// <summary>Takes note of what made it fail, as an exception filter: always false.</summary>
    public bool Note(Exception failure)
    {
        _failure = failure is OperationCanceledException ? null : failure.Message;
        return false;
    }

    /// <summary>Reports failure, or cancellation when no failure was noted, unless it ended well.</summary>
    public void Dispose()
    {
        if (!_ended)
        {
            _ended = true;
            _reporter.Report(new StepFailed(Info, _failure ?? "canceled", _failure is null, Elapsed));
        }
    }
}

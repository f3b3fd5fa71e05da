// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend;

namespace Builder.Solver.Progress;

/// <summary>A step as progress shows it.</summary>
/// <param name="Id">From 1, in the order of announcement.</param>
/// <param name="Name">For instance <c>[build 2/5] RUN make</c>, <c>[internal] load metadata for ...</c>.</param>
/// <param name="Location">Its place in the Dockerfile, or null.</param>
public sealed record StepInfo(int Id, string Name, SourceSpan? Location);

/// <summary>Something that happened during a build.</summary>
public abstract record BuildEvent;

/// <summary>A step begins.</summary>
public sealed record StepStarted(StepInfo Step) : BuildEvent;

/// <summary>A step printed something.</summary>
public sealed record StepPrinted(StepInfo Step, bool IsStandardError, ImmutableArray<byte> Bytes) : BuildEvent;

/// <summary>A transfer within a step moved on; <paramref name="TotalBytes"/> is 0 when it is not known.</summary>
public sealed record StepProgressed(StepInfo Step, string Item, long CurrentBytes, long TotalBytes) : BuildEvent;

/// <summary>A step ended well.</summary>
/// <param name="Step">The step.</param>
/// <param name="Cached">It was not executed: its result was known.</param>
/// <param name="Duration">How long it took.</param>
public sealed record StepCompleted(StepInfo Step, bool Cached, TimeSpan Duration) : BuildEvent;

/// <summary>A step failed or was cancelled; the error itself is thrown by the solver.</summary>
public sealed record StepFailed(StepInfo Step, string Message, bool Canceled, TimeSpan Duration) : BuildEvent;

/// <summary>A warning about the Dockerfile or the build.</summary>
public sealed record BuildWarned(Diagnostic Diagnostic) : BuildEvent;

/// <summary>Receives events, in order, from one thread at a time.</summary>
public interface IBuildObserver
{
    /// <summary>Takes note of an event; must be quick and must not throw.</summary>
    void Observe(BuildEvent buildEvent);
}

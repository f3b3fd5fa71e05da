// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Running;

/// <summary>What a monitor tells its parent once: the container runs, or why it does not.</summary>
/// <param name="Failure">Null when it runs.</param>
/// <param name="Message">The failure in words, or "".</param>
/// <param name="Hint">What to do next, or null.</param>
/// <param name="Warning">What the user should know although it runs, or null.</param>
public sealed record MonitorReport(RunFailure? Failure, string Message, string? Hint, string? Warning);

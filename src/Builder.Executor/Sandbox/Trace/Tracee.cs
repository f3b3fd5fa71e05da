// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.Trace;

/// <summary>A thread of a traced process. All of this is guarded by the step's one lock.</summary>
internal sealed class Tracee(int threadId, TracedProcess process, FileContext files)
{
    /// <summary>Its number; an execve(2) makes the process's number its own.</summary>
    public int ThreadId { get; set; } = threadId;

    /// <summary>The process it belongs to.</summary>
    public TracedProcess Process { get; } = process;

    /// <summary>Its working directory, root and umask.</summary>
    public FileContext Files { get; set; } = files;

    /// <summary>How often its execve(2) was repeated since the file was open for writing.</summary>
    public int BusyRepeats { get; set; }

    /// <summary>A changed call whose registers are to be put back, or null.</summary>
    public ChangedCall? Changed { get; set; }
}

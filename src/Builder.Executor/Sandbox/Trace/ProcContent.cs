// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.Trace;

/// <summary>What a file of /proc shows instead of what the kernel would.</summary>
internal enum ProcContent
{
    /// <summary>The kernel's own.</summary>
    Own,

    /// <summary>Nothing: it cannot be opened.</summary>
    Hidden,

    /// <summary>The memory map, with the step's names of files.</summary>
    Maps,

    /// <summary>The process's status, with its identity.</summary>
    Status,

    /// <summary>The step's mounts, as mounts shows them.</summary>
    Mounts,

    /// <summary>The step's mounts, as mountinfo shows them.</summary>
    MountInfo,
}

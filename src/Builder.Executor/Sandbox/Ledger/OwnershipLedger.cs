// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>Keeps owners that the disk cannot hold.</summary>
internal abstract class OwnershipLedger
{
    /// <summary>Rows that install the listening filter and hand its descriptor over.</summary>
    public abstract void AppendListener(SyscallProgramme programme);

    /// <summary>Begins to answer.</summary>
    public abstract void Attach(int pid);
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Solver.Ports;

namespace Builder.Cli.Building;

/// <summary>The store's locks as the solver wants them.</summary>
internal sealed class StoreStepLocks(StoreLocks locks) : IStepLocks
{
    /// <inheritdoc/>
    public Task<IDisposable> AcquireAsync(string name, CancellationToken cancellationToken) =>
        locks.AcquireAsync("step-" + name, cancellationToken);
}

// SPDX-License-Identifier: Apache-2.0

namespace Builder.Solver.Ports;

/// <summary>Locks that all builds on one store share, in this process and in others.</summary>
public interface IStepLocks
{
    /// <summary>
    /// Waits until nobody else has the lock of a name; disposing gives it back, and so does the end of the process.
    /// </summary>
    Task<IDisposable> AcquireAsync(string name, CancellationToken cancellationToken);
}

// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>Who the processes of a container believe to be; a child starts with the identity of its parent.</summary>
internal interface IIdentityTable
{
    /// <summary>True when everybody is the container's own user: nothing needs to be looked up.</summary>
    bool IsTrivial { get; }

    /// <summary>The identity that the container starts with.</summary>
    FakeIdentity Initial { get; }

    /// <summary>The identity of a thread's process.</summary>
    FakeIdentity Find(int threadId);

    /// <summary>Sets the identity of a thread's process.</summary>
    void Set(int threadId, FakeIdentity identity);
}

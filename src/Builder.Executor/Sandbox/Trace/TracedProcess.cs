// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>A traced process.</summary>
internal sealed class TracedProcess(int id, FakeIdentity identity, byte[] executable, AddressSpace memory)
{
    /// <summary>Its process id.</summary>
    public int Id { get; } = id;

    /// <summary>Who it believes to be.</summary>
    public FakeIdentity Identity { get; set; } = identity;

    /// <summary>What /proc/self/exe says: a path in the step's root.</summary>
    public byte[] Executable { get; set; } = executable;

    /// <summary>Its memory.</summary>
    public AddressSpace Memory { get; set; } = memory;

    /// <summary>How many threads it has.</summary>
    public int ThreadCount { get; set; }
}

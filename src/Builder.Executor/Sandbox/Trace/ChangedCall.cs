// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>A call that goes on with other arguments than it was made with.</summary>
/// <param name="Before">The registers it was made with.</param>
/// <param name="Place">The place in the memory that holds the new arguments, given back afterwards; 0 for none.</param>
/// <param name="Memory">The memory.</param>
internal sealed record ChangedCall(TraceRegisters Before, ulong Place, AddressSpace Memory)
{
    /// <summary>For execve(2): what /proc/self/exe will say; null for all other calls.</summary>
    public byte[]? Executable { get; init; }

    /// <summary>For execve(2): who the process is afterwards.</summary>
    public FakeIdentity? Identity { get; init; }

    /// <summary>It is a mmap(2) that the process did not make: its call is repeated after it.</summary>
    public bool MakesPlaces { get; init; }

    /// <summary>It makes one large place of this size; 0 for the small ones.</summary>
    public int LargeBytes { get; init; }

    /// <summary>A short-lived name in the directory of <see cref="ExecutableImages"/>, removed afterwards.</summary>
    public string? Temporary { get; init; }

    /// <summary>Makes the call's result, a negated errno for failures, what the process is to see.</summary>
    public Func<long, long>? Finish { get; init; }
}

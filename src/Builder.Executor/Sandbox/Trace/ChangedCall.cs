// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.Trace;

/// <summary>A call that goes on with other arguments than it was made with.</summary>
/// <param name="Before">The registers it was made with.</param>
/// <param name="Place">The place in the memory that holds the new arguments, given back afterwards; 0 for none.</param>
/// <param name="Memory">The memory.</param>
/// <param name="Executable">For execve(2): what /proc/self/exe will say.</param>
/// <param name="MakesPlaces">It is a mmap(2) that the process did not make: its call is repeated after it.</param>
/// <param name="LargeBytes">It makes one place of this size; 0 for several small ones.</param>
/// <param name="NameRoom">It tells a socket's name, for which there is this much room; 0 for other calls.</param>
internal sealed record ChangedCall(
    TraceRegisters Before, ulong Place, AddressSpace Memory, byte[]? Executable = null, bool MakesPlaces = false,
    int LargeBytes = 0, int NameRoom = 0);

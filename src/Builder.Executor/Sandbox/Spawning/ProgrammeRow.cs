// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>One system call of a <see cref="SyscallProgramme"/>.</summary>
/// <param name="Label">What it is for; it names the row in error messages.</param>
/// <param name="Call">The call.</param>
/// <param name="Arguments">Six arguments; addresses belong to the programme.</param>
internal sealed record ProgrammeRow(string Label, Syscall Call, ImmutableArray<nint> Arguments)
{
    /// <summary>Where the result (or the negated errno) is stored, or 0.</summary>
    public nint Result { get; init; }

    /// <summary>The later row and the argument of it that the result becomes, or null.</summary>
    public (int Row, int Argument)? ForwardTo { get; init; }

    /// <summary>Failure is ignored.</summary>
    public bool MayFail { get; init; }

    /// <summary>A clone row: whoever gets a result above 0, the caller, exits there; the new process goes on.</summary>
    public bool EndsParent { get; init; }

    /// <summary>How many rows are left out after success.</summary>
    public int SkipOnSuccess { get; init; }

    /// <summary>How many rows are left out after an ignored failure.</summary>
    public int SkipOnError { get; init; }
}

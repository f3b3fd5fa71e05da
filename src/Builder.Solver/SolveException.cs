// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;

namespace Builder.Solver;

/// <summary>A build that cannot be solved: unknown stage, cycle, missing source, wrong value after expansion.</summary>
public sealed class SolveException : BuildException
{
    /// <summary>Creates the failure.</summary>
    public SolveException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

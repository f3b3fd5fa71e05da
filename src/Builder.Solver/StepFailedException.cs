// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;

namespace Builder.Solver;

/// <summary>The command of a RUN step ended with a status other than 0.</summary>
public sealed class StepFailedException : BuildException
{
    /// <summary>Creates the failure; the solver adds the place in the Dockerfile.</summary>
    public StepFailedException(string message, int exitCode)
        : base(message)
    {
        ExitCode = exitCode;
    }

    /// <summary>The status; 128+n when signal n ended it.</summary>
    public int ExitCode { get; }
}

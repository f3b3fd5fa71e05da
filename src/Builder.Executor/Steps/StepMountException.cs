// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;

namespace Builder.Executor.Steps;

/// <summary>A mount of a RUN step cannot be made: its source is missing, or was not given.</summary>
public sealed class StepMountException : BuildException
{
    /// <summary>Creates the failure.</summary>
    public StepMountException(string message)
        : base(message)
    {
    }
}

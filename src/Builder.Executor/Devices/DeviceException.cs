// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;

namespace Builder.Executor.Devices;

/// <summary>A CDI device cannot be given to a step: unknown, not allowed, or its specification asks for the impossible.</summary>
public sealed class DeviceException : BuildException
{
    /// <summary>Creates the failure.</summary>
    public DeviceException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}

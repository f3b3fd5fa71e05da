// SPDX-License-Identifier: Apache-2.0

using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox;

/// <summary>The standard streams of a container's process.</summary>
internal abstract record SandboxIo
{
    /// <summary>Descriptors that it gets as 0, 1 and 2. They stay the caller's.</summary>
    public sealed record Streams(SafeFileHandle Input, SafeFileHandle Output, SafeFileHandle Error) : SandboxIo;

    /// <summary>
    /// A terminal of its own, as 0, 1 and 2 and as /dev/console; the other side is
    /// <see cref="SandboxProcess.Terminal"/>.
    /// </summary>
    public sealed record Terminal(int Columns, int Rows) : SandboxIo;
}

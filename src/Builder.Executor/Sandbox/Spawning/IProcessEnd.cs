// SPDX-License-Identifier: Apache-2.0

using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>Who knows how a child ended where its parent may not wait for it: a tracer's waiting is its own.</summary>
internal interface IProcessEnd
{
    /// <summary>Readable once <see cref="Status"/> is known.</summary>
    SafeFileHandle Descriptor { get; }

    /// <summary>How the child ended, or null while it or something it has started is there.</summary>
    ExitStatus? Status { get; }
}

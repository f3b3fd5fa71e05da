// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Chroot;

/// <summary>What a process in a directory of its own sees and may do, where there are no namespaces.</summary>
internal sealed record ChrootSpec : ProcessSpec
{
    /// <summary>The root directory, held.</summary>
    public required FileDescriptor Root { get; init; }

    /// <summary>What it may do as root, as far as this process may; never CAP_SYS_CHROOT.</summary>
    public CapabilitySet Capabilities { get; init; } = CapabilitySet.Default;

    /// <summary>All that this process may do, and no filter; for steps that were allowed to be insecure.</summary>
    public bool IsPrivileged { get; init; }

    /// <summary>It can make no internet sockets, not even to this machine.</summary>
    public bool HasNoNetwork { get; init; }
}

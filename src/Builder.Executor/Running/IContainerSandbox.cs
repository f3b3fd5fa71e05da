// SPDX-License-Identifier: Apache-2.0

using System.Net.Sockets;
using Builder.Executor.Sandbox;

namespace Builder.Executor.Running;

/// <summary>What a container's process runs in; disposing takes it away.</summary>
internal interface IContainerSandbox : IDisposable
{
    /// <summary>What the user should know of it, or null; after the start.</summary>
    string? Warning { get; }

    /// <summary>Starts the process.</summary>
    SandboxProcess Start(SandboxIo io);

    /// <summary>Makes a socket in the container's network.</summary>
    Socket CreateSocket(AddressFamily family, SocketType type);

    /// <summary>The process has ended: what it left running ends, too.</summary>
    void End();
}

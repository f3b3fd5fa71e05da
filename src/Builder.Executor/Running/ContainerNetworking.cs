// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox;

namespace Builder.Executor.Running;

/// <summary>
/// A container's network: the caller's, or one of its own, which pasta connects to the outside where it is installed.
/// Published ports reach a network of its own through the watcher (<see cref="PortProxy"/>), with or without pasta.
/// </summary>
internal sealed class ContainerNetworking : IDisposable
{
    private readonly bool _wantsOutside;
    private PastaConnection? _pasta;

    /// <summary>Decides on the network of a container.</summary>
    /// <exception cref="RunException">A private network is asked for and the machine has none to give.</exception>
    public ContainerNetworking(ContainerRecord container)
    {
        bool canConnect = PastaConnection.IsAvailable;
        (Network, _wantsOutside) = container.Network switch
        {
            ContainerNetwork.Host => (SandboxNetwork.Host, false),
            ContainerNetwork.None => (SandboxNetwork.None, false),
            ContainerNetwork.Private when !canConnect => throw new RunException(
                RunFailure.NotStarted, "connect a private network: pasta is not installed, or may not use /dev/net/tun")
            {
                Hint = "install the package passt, or use --network host or none",
            },
            ContainerNetwork.Default when !canConnect && container.Ports.IsEmpty => (SandboxNetwork.Host, false),
            _ => (new OwnNetwork(canConnect ? Connect : null), canConnect),
        };
    }

    /// <summary>The network as the sandbox sets it up.</summary>
    public SandboxNetwork Network { get; }

    /// <summary>The container's network is the caller's.</summary>
    public bool IsShared => Network is HostNetwork;

    /// <summary>Why the container does not reach the outside although it might expect to, or null.</summary>
    public string? Warning => IsShared || _pasta is not null || (!_wantsOutside && Network == SandboxNetwork.None)
        ? null
        : "the container has no access to the outside: that takes the package passt and the right to use /dev/net/tun, "
            + "or --network host";

    /// <inheritdoc/>
    public void Dispose() => _pasta?.Dispose();

    private void Connect(int pid) => _ = PastaConnection.TryConnect(pid, out _pasta);
}

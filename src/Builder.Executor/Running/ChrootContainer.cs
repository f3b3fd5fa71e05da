// SPDX-License-Identifier: Apache-2.0

using System.Net.Sockets;
using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Chroot;
using Builder.Executor.Sandbox.Isolation;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Snapshots;
using Builder.Executor.Steps;

namespace Builder.Executor.Running;

/// <summary>
/// A container where there are no namespaces: a copy of the image's file system as the root of its process, on the
/// machine's network. It lasts as long as the process.
/// </summary>
internal sealed class ChrootContainer : IContainerSandbox
{
    private readonly CopiedContainerRoot _root;
    private readonly PlacedEntries _entries;
    private readonly ChrootSpec _spec;
    private readonly List<IDisposable> _resources = [];

    private ChrootContainer(CopiedContainerRoot root, PlacedEntries entries, ContainerRecord container)
    {
        _root = root;
        _entries = entries;
        _spec = Specify(root, container) with { Group = ContainerSandbox.OpenGroup(_resources, container) };
    }

    /// <inheritdoc/>
    public string? Warning => "isolation chroot: no namespaces: the container has this machine's network, host name and process ids";

    /// <summary>Copies the file system and puts into it what belongs there.</summary>
    /// <exception cref="RunException">The container asks for what there cannot be here.</exception>
    public static async Task<ChrootContainer> PrepareAsync(
        ContainerPlaces places, ContainerRecord container, ILayerFetcher? fetcher, CancellationToken cancellationToken)
    {
        Store store = places.Store;
        CopiedContainerRoot root = await CopiedContainerRoot
            .PrepareAsync(store, container, IsolationRung.Chroot, fetcher, cancellationToken).ConfigureAwait(false);
        PlacedEntries? entries = null;
        try
        {
            entries = new PlacedEntries(
                root.Root.Root, AtCalls.Open(store.Tmp.CreateDirectory("aside"), OpenFlags.DirectoryPath));
            Place(container, root, entries);
            return new ChrootContainer(root, entries, container);
        }
        catch
        {
            entries?.Dispose();
            root.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public SandboxProcess Start(SandboxIo io)
    {
        BuilderShield.Raise();
        return SandboxProcess.StartInDirectory(_spec, io);
    }

    /// <inheritdoc/>
    public Socket CreateSocket(AddressFamily family, SocketType type) => new(family, type, ProtocolType.Unspecified);

    /// <inheritdoc/>
    public void End() => LeftoverProcesses.Kill();

    /// <inheritdoc/>
    public void Dispose()
    {
        _resources.ForEach(resource => resource.Dispose());
        _entries.Dispose();
        _root.Dispose();
    }

    private static void Place(ContainerRecord container, CopiedContainerRoot root, PlacedEntries entries)
    {
        ChrootTree.PlaceDevices(entries, root.Resolve("/dev"), []);
        ChrootTree.PlaceProc(entries, root.Resolve("/proc"));
        ChrootTree.PlaceEmpty(entries, root.Resolve("/sys"));
        foreach (ContainerMount mount in container.Mounts.Where(mount => mount.Kind == ContainerMountKind.Tmpfs))
        {
            ChrootTree.PlaceEmpty(entries, root.Resolve(mount.Target), mount.Mode);
        }

        foreach (SandboxFile file in ContainerFiles.Create(container, sharesNetwork: true))
        {
            ChrootTree.PlaceFile(entries, root.Resolve(file.Target), file);
        }

        entries.Seal();
    }

    private static ChrootSpec Specify(CopiedContainerRoot root, ContainerRecord container) => new()
    {
        Root = root.Root.Root,
        Arguments = container.Arguments,
        Environment = ContainerSandbox.WithHome(container.Environment, root.User),
        WorkingDirectory = container.WorkingDirectory,
        User = root.User,
        Capabilities = ContainerCapabilities.Of(container),
        IsPrivileged = container.Privileged,
        HasNoNetwork = container.Network == ContainerNetwork.None,
        Ulimits = container.Ulimits,
    };
}

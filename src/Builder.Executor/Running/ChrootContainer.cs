// SPDX-License-Identifier: Apache-2.0

using System.Net.Sockets;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Chroot;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Snapshots;
using Builder.Executor.Steps;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Running;

/// <summary>
/// A container where there are no namespaces: a copy of the image's file system as the root of its process, on the
/// machine's network. It lasts as long as the process. What this cannot give is refused, not left out.
/// </summary>
internal sealed class ChrootContainer : IContainerSandbox
{
    private readonly CopiedRoot _root;
    private readonly PlacedEntries _entries;
    private readonly ChrootSpec _spec;
    private readonly List<IDisposable> _resources = [];

    private ChrootContainer(CopiedRoot root, PlacedEntries entries, ChrootSpec spec, ContainerRecord container)
    {
        _root = root;
        _entries = entries;
        _spec = spec with { Group = ContainerSandbox.OpenGroup(_resources, container) };
    }

    /// <inheritdoc/>
    public string? Warning => "isolation chroot: no namespaces: the container has this machine's network, host name and process ids";

    /// <summary>Copies the file system and puts into it what belongs there.</summary>
    /// <exception cref="RunException">The container asks for what there cannot be here.</exception>
    public static async Task<ChrootContainer> PrepareAsync(
        ContainerPlaces places, ContainerRecord container, ILayerFetcher? fetcher, CancellationToken cancellationToken)
    {
        Refuse(container);
        Store store = places.Store;
        LayerStack stack = new([.. container.Layers.Select(layer => new DiffId(Digest.Parse(layer)))]);
        await store.Snapshots.EnsureAsync(stack, fetcher, cancellationToken).ConfigureAwait(false);
        MergedTree? tree = stack.IsEmpty ? null : store.Snapshots.Open(stack);
        SandboxUser user = UserResolver.Resolve(
            tree is null ? UserDatabase.Parse("", "") : UserDatabase.Read(tree), container.User);
        CopiedRoot root = CopiedRoot.Create(store, stack, cancellationToken);
        PlacedEntries? entries = null;
        try
        {
            entries = new PlacedEntries(
                root.Root, AtCalls.Open(store.Tmp.CreateDirectory("aside"), OpenFlags.DirectoryPath));
            Place(container, tree, entries);
            EnsureWorkingDirectory(root, tree, container.WorkingDirectory);
            return new ChrootContainer(root, entries, Specify(root, container, user), container);
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

    private static void Refuse(ContainerRecord container)
    {
        string? wish = container switch
        {
            { Detached: true } => "--detach",
            { AutoRemove: false } => "a container that outlives its process (add --rm)",
            { ReadOnly: true } => "--read-only",
            { Init: true } => "--init",
            { Network: ContainerNetwork.Private } => "--network private",
            { Ports.IsEmpty: false } => "--publish (the ports of the container are the machine's own)",
            _ when container.Mounts.FirstOrDefault(mount => !IsPossible(container, mount)) is { } mount => $"a mount on {mount.Target}",
            _ => null,
        };
        if (wish is not null)
        {
            throw new RunException(RunFailure.NotStarted, $"isolation chroot: there is no {wish} without namespaces")
            {
                Hint = "`bld info` says which door is closed and what opens it",
            };
        }
    }

    // An anonymous volume lives as long as the container: so does what the image has at its place.
    private static bool IsPossible(ContainerRecord container, ContainerMount mount) =>
        mount.Kind == ContainerMountKind.Tmpfs
        || (mount.Kind == ContainerMountKind.Volume && container.AnonymousVolumes.Contains(mount.Source));

    private static void Place(ContainerRecord container, MergedTree? tree, PlacedEntries entries)
    {
        ChrootTree.PlaceDevices(entries, Resolve(tree, "/dev"), []);
        ChrootTree.PlaceProc(entries, Resolve(tree, "/proc"));
        ChrootTree.PlaceEmpty(entries, Resolve(tree, "/sys"));
        foreach (ContainerMount mount in container.Mounts.Where(mount => mount.Kind == ContainerMountKind.Tmpfs))
        {
            ChrootTree.PlaceEmpty(entries, Resolve(tree, mount.Target), mount.Mode);
        }

        foreach (SandboxFile file in ContainerFiles.Create(container, sharesNetwork: true))
        {
            ChrootTree.PlaceFile(entries, Resolve(tree, file.Target), file);
        }

        entries.Seal();
    }

    private static void EnsureWorkingDirectory(CopiedRoot root, MergedTree? tree, string directory)
    {
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle =
            AtCalls.Open(root.FilesPath, OpenFlags.DirectoryPath).Release();
        new MountPoints(handle).Ensure(Resolve(tree, directory), isDirectory: true);
    }

    private static ChrootSpec Specify(CopiedRoot root, ContainerRecord container, SandboxUser user) => new()
    {
        Root = root.Root,
        Arguments = container.Arguments,
        Environment = ContainerSandbox.WithHome(container.Environment, user),
        WorkingDirectory = container.WorkingDirectory,
        User = user,
        Capabilities = ContainerCapabilities.Of(container),
        IsPrivileged = container.Privileged,
        HasNoNetwork = container.Network == ContainerNetwork.None,
        Ulimits = container.Ulimits,
    };

    private static string Resolve(MergedTree? tree, string path) => "/" + CanonicalPath.Resolve(tree, path);
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Net.Sockets;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.ControlGroups;
using Builder.Executor.Sandbox.Ledger;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Running;

/// <summary>Where the parts of a container are kept.</summary>
internal sealed record ContainerPlaces(Store Store, ContainerStore Containers, VolumeStore Volumes);

/// <summary>
/// Everything a container's process needs around it: root, mounts, files, network. Mounts are detached and held by
/// descriptors only, so that nothing stays behind when this process is killed.
/// </summary>
internal sealed class ContainerSandbox : IContainerSandbox
{
    private const string UpperDirectory = "upper";

    private readonly SandboxSpec _spec;
    private readonly ContainerNetworking _networking;
    private readonly List<IDisposable> _resources;
    private NetworkNamespace? _network;
    private int _pid;

    private ContainerSandbox(SandboxSpec spec, ContainerNetworking networking, List<IDisposable> resources)
    {
        _spec = spec;
        _networking = networking;
        _resources = resources;
    }

    /// <summary>Mounts the root and makes the specification of the process.</summary>
    public static async Task<ContainerSandbox> PrepareAsync(
        ContainerPlaces places, ContainerRecord container, ILayerFetcher? fetcher, CancellationToken cancellationToken)
    {
        LayerStack stack = new([.. container.Layers.Select(layer => new DiffId(Digest.Parse(layer)))]);
        IReadOnlyList<string> lowers = await places.Store.Snapshots.EnsureAsync(stack, fetcher, cancellationToken);
        List<IDisposable> resources = [];
        try
        {
            string directory = places.Containers.PathOf(container.Id);
            DetachedMount root = Own(resources, OverlayProbe.CanMount(places.Store)
                ? MountRoot(directory, lowers)
                : BindCopy(directory, places.Store, stack, cancellationToken));
            ContainerNetworking networking = Own(resources, new ContainerNetworking(container));
            MountPoints directories = new(root.Handle);
            directories.Ensure(container.WorkingDirectory, isDirectory: true);
            SandboxUser user = UserResolver.Resolve(ReadUsers(root), container.User);
            ImmutableArray<SandboxMount> mounts = [.. container.Mounts.Select(mount =>
                new SandboxMount(mount.Target, Own(resources, ContainerMounts.Open(places, mount, root))))];
            if (container.Init)
            {
                mounts = mounts.Add(new SandboxMount(InitProcess.MountedAt, Own(resources, DetachedMount.Bind(
                    InitProcess.Locate(), isRecursive: false, Libc.MountReadOnly | Libc.MountNoSuid))));
            }

            SandboxSpec spec = new()
            {
                Root = root,
                Arguments = container.Init
                    ? [InitProcess.MountedAt, InitProcess.Verb, .. container.Arguments]
                    : container.Arguments,
                Environment = WithHome(container.Environment, user),
                WorkingDirectory = container.WorkingDirectory,
                User = user,
                Hostname = container.Hostname,
                Mounts = mounts,
                Files = ContainerFiles.Create(container, networking.IsShared),
                Network = networking.Network,
                Capabilities = ContainerCapabilities.Of(container),
                IsPrivileged = container.Privileged,
                NoNewPrivileges = container.NoNewPrivileges,
                IsReadOnlyRoot = container.ReadOnly,
                Ulimits = container.Ulimits,
                ShmSizeBytes = container.ShmSizeBytes,
                Group = OpenGroup(resources, container),
                Ledger = OpenLedger(resources, places, container, user),
            };
            return new ContainerSandbox(spec, networking, resources);
        }
        catch
        {
            resources.ForEach(resource => resource.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public string? Warning => _networking.Warning;

    /// <inheritdoc/>
    public SandboxProcess Start(SandboxIo io)
    {
        SandboxProcess process = SandboxProcess.Start(_spec, io);
        _pid = process.Pid;
        return process;
    }

    /// <inheritdoc/>
    public void End()
    {
        // With the first process of a pid namespace all others end.
    }

    /// <inheritdoc/>
    public Socket CreateSocket(AddressFamily family, SocketType type)
    {
        if (_networking.IsShared)
        {
            return new Socket(family, type, ProtocolType.Unspecified);
        }

        lock (_resources)
        {
            _network ??= Own(_resources, new NetworkNamespace(_pid));
        }

        return _network.CreateSocket(family, type);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int i = _resources.Count - 1; i >= 0; i--)
        {
            _resources[i].Dispose();
        }

        _resources.Clear();
    }

    /// <summary>Keeps the owners of what the container changes, where only one id exists; its thread ends with the container.</summary>
    private static OwnershipLedger? OpenLedger(
        List<IDisposable> resources, ContainerPlaces places, ContainerRecord container, SandboxUser user)
    {
        if (!HostFacts.Current.HasSingleId)
        {
            return null;
        }

        string directory = places.Containers.PathOf(container.Id);
        OwnerStore owners = new(places.Store.Snapshots.Ownership, Path.Combine(directory, SnapshotStore.OwnersFile));
        return Own(resources, new OwnershipLedger(user, owners, Path.Combine(directory, "upper")));
    }

    /// <summary>The control group that a container's limits ask for, or null.</summary>
    internal static ControlGroup? OpenGroup(List<IDisposable> resources, ContainerRecord container)
    {
        GroupLimits limits = new(container.MemoryBytes, container.CpuMicroseconds, container.MaxProcesses);
        return limits.IsEmpty ? null : Own(resources, ControlGroup.Create($"bld-{container.ShortId}", limits, "the container"));
    }

    private static T Own<T>(List<IDisposable> resources, T resource)
        where T : IDisposable
    {
        resources.Add(resource);
        return resource;
    }

    private static DetachedMount MountRoot(string directory, IReadOnlyList<string> lowers)
    {
        string work = Path.Combine(directory, "work");
        string upper = Path.Combine(directory, UpperDirectory);
        FileTreeRemover.Remove(work);
        Directory.CreateDirectory(work);
        if (!Directory.Exists(upper))
        {
            Directory.CreateDirectory(upper);
            File.SetUnixFileMode(upper, (UnixFileMode)0b111_101_101);
        }

        // overlayfs wants a lower, also for an image without layers.
        string empty = Path.Combine(directory, "empty");
        Directory.CreateDirectory(empty);
        return OverlayMount.Create(new OverlayDirectories(
            [.. lowers.Select(lower => Path.Combine(lower, SnapshotStore.FilesDirectory)), empty],
            upper,
            work,
            HostFacts.Current.IsInUserNamespace));
    }

    // Made aside and renamed: a container that is started again finds it whole, with its changes.
    private static DetachedMount BindCopy(
        string directory, Store store, LayerStack stack, CancellationToken cancellationToken)
    {
        string path = Path.Combine(directory, UpperDirectory);
        if (!Directory.Exists(path))
        {
            string draft = path + ".new";
            FileTreeRemover.Remove(draft);
            Directory.CreateDirectory(draft);
            File.SetUnixFileMode(draft, (UnixFileMode)0b111_101_101);
            if (!stack.IsEmpty)
            {
                using FileDescriptor root = AtCalls.Open(draft, OpenFlags.DirectoryPath);
                OwnerStore owners = new(store.Snapshots.Ownership, Path.Combine(directory, SnapshotStore.OwnersFile));
                MergedTree tree = store.Snapshots.Open(stack);
                new TreeMaterializer(root, owners, cancellationToken).WriteDirectory(tree, tree.FindStored("")!, "");
            }

            Directory.Move(draft, path);
        }

        return DetachedMount.Bind(path, isRecursive: false, attributes: 0);
    }

    private static UserDatabase ReadUsers(DetachedMount root)
    {
        using SafeFileTree tree = ContainerFiles.OpenRoot(root);
        return UserDatabase.Parse(ContainerFiles.ReadText(tree, "etc/passwd"), ContainerFiles.ReadText(tree, "etc/group"));
    }

    /// <summary>An environment in which HOME is set.</summary>
    internal static ImmutableArray<string> WithHome(ImmutableArray<string> environment, SandboxUser user) =>
        environment.Any(entry => entry.StartsWith("HOME=", StringComparison.Ordinal))
            ? environment
            : environment.Add("HOME=" + (user.Home.Length == 0 ? "/" : user.Home));
}

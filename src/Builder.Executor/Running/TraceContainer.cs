// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Net.Sockets;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Trace;
using Builder.Executor.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Images;

namespace Builder.Executor.Running;

/// <summary>
/// A container under the tracer: a copy of the image's file system as the root of its process, on the machine's network.
/// It lasts as long as the process. What this cannot give is refused, not left out.
/// </summary>
internal sealed class TraceContainer : IContainerSandbox
{
    private readonly CopiedRoot _root;
    private readonly string _scratch;
    private readonly TraceSpec _spec;
    private TracedCommand? _command;

    private TraceContainer(CopiedRoot root, string scratch, TraceSpec spec)
    {
        _root = root;
        _scratch = scratch;
        _spec = spec;
    }

    /// <inheritdoc/>
    public string? Warning => "isolation trace: no namespaces: the container has this machine's network and process ids";

    /// <summary>Copies the file system and gathers what the container sees besides.</summary>
    /// <exception cref="RunException">The container asks for what there cannot be here.</exception>
    public static async Task<TraceContainer> PrepareAsync(
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
        string scratch = store.Tmp.CreateDirectory("trace");
        try
        {
            EnsureWorkingDirectory(root, tree, container.WorkingDirectory);
            return new TraceContainer(root, scratch, Specify(root, scratch, tree, container, user));
        }
        catch
        {
            root.Dispose();
            FileTreeRemover.Remove(scratch);
            throw;
        }
    }

    /// <inheritdoc/>
    public SandboxProcess Start(SandboxIo io)
    {
        _command = TracedCommand.Start(_spec, io);
        return SandboxProcess.Of(_command);
    }

    /// <inheritdoc/>
    public Socket CreateSocket(AddressFamily family, SocketType type) => new(family, type, ProtocolType.Unspecified);

    /// <inheritdoc/>
    public void End()
    {
        // The tracer has ended all of them.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _command?.Dispose();
        _root.Dispose();
        FileTreeRemover.Remove(_scratch);
    }

    private static void Refuse(ContainerRecord container)
    {
        string? wish = container switch
        {
            { Detached: true } => "--detach",
            { AutoRemove: false } => "a container that outlives its process (add --rm)",
            { ReadOnly: true } => "--read-only",
            { Init: true } => "--init",
            { Privileged: true } => "--privileged",
            { Network: ContainerNetwork.Private } => "--network private",
            { Ports.IsEmpty: false } => "--publish (the ports of the container are the machine's own)",
            _ when container.Mounts.FirstOrDefault(mount => !IsPossible(container, mount)) is { } mount => $"a mount on {mount.Target}",
            _ => null,
        };
        if (wish is not null)
        {
            throw new RunException(RunFailure.NotStarted, $"isolation trace: there is no {wish} without namespaces")
            {
                Hint = "`bld info` says which door is closed and what opens it",
            };
        }
    }

    // An anonymous volume lives as long as the container: so does what the image has at its place.
    private static bool IsPossible(ContainerRecord container, ContainerMount mount) =>
        mount.Kind is ContainerMountKind.Tmpfs or ContainerMountKind.Bind
        || (mount.Kind == ContainerMountKind.Volume && container.AnonymousVolumes.Contains(mount.Source));

    private static void EnsureWorkingDirectory(CopiedRoot root, MergedTree? tree, string directory)
    {
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle =
            AtCalls.Open(root.FilesPath, OpenFlags.DirectoryPath).Release();
        new MountPoints(handle).Ensure(Resolve(tree, directory), isDirectory: true);
    }

    private static TraceSpec Specify(
        CopiedRoot root, string scratch, MergedTree? tree, ContainerRecord container, SandboxUser user)
    {
        ImmutableArray<TraceMount>.Builder mounts = ImmutableArray.CreateBuilder<TraceMount>();
        foreach (ContainerMount mount in container.Mounts)
        {
            if (mount.Kind == ContainerMountKind.Tmpfs)
            {
                string empty = Path.Combine(scratch, $"tmpfs-{mounts.Count}");
                Directory.CreateDirectory(empty);
                AtCalls.Chmod(AtCalls.CurrentDirectory, PathEncoding.Encode(empty), mount.Mode);
                mounts.Add(new TraceMount(Resolve(tree, mount.Target), empty, mount.ReadOnly));
            }
            else if (mount.Kind == ContainerMountKind.Bind)
            {
                EnsureSource(mount);
                mounts.Add(new TraceMount(Resolve(tree, mount.Target), mount.Source, mount.ReadOnly));
            }
        }

        return new TraceSpec
        {
            Root = root.Root,
            Owners = root.Owners,
            Scratch = scratch,
            Arguments = container.Arguments,
            Environment = ContainerSandbox.WithHome(container.Environment, user),
            WorkingDirectory = container.WorkingDirectory,
            User = user,
            Hostname = container.Hostname,
            Mounts = mounts.ToImmutable(),
            Files =
            [
                .. ContainerFiles.Create(container, sharesNetwork: true)
                    .Select(file => file with { Target = Resolve(tree, file.Target) }),
            ],
            HasNetwork = container.Network != ContainerNetwork.None,
            Ulimits = container.Ulimits,
        };
    }

    private static void EnsureSource(ContainerMount mount)
    {
        if (Path.Exists(mount.Source))
        {
            return;
        }

        if (!mount.CreateSource)
        {
            throw new RunException(RunFailure.NotStarted, $"mount {mount.Source}: no such file or directory")
            {
                Hint = "--mount needs its source; -v makes a missing directory",
            };
        }

        Directory.CreateDirectory(mount.Source);
    }

    private static string Resolve(MergedTree? tree, string path) => "/" + CanonicalPath.Resolve(tree, path);
}

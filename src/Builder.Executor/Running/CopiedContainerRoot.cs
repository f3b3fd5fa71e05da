// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Isolation;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver.Images;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Running;

/// <summary>
/// The file system of a container that has no namespaces: a copy of the image's, for one process. What such a container
/// cannot be is refused here, not left out.
/// </summary>
internal sealed class CopiedContainerRoot : IDisposable
{
    private readonly MergedTree? _tree;

    private CopiedContainerRoot(CopiedRoot root, MergedTree? tree, SandboxUser user)
    {
        Root = root;
        _tree = tree;
        User = user;
    }

    /// <summary>The copy.</summary>
    public CopiedRoot Root { get; }

    /// <summary>Who the container's process is.</summary>
    public SandboxUser User { get; }

    /// <summary>Copies the file system and makes the working directory.</summary>
    /// <exception cref="RunException">The container asks for what the rung cannot give.</exception>
    public static async Task<CopiedContainerRoot> PrepareAsync(
        Store store, ContainerRecord container, IsolationRung rung, ILayerFetcher? fetcher,
        CancellationToken cancellationToken)
    {
        Refuse(container, rung);
        LayerStack stack = new([.. container.Layers.Select(layer => new DiffId(Digest.Parse(layer)))]);
        await store.Snapshots.EnsureAsync(stack, fetcher, cancellationToken).ConfigureAwait(false);
        MergedTree? tree = stack.IsEmpty ? null : store.Snapshots.Open(stack);
        SandboxUser user = UserResolver.Resolve(
            tree is null ? UserDatabase.Parse("", "") : UserDatabase.Read(tree), container.User);
        var prepared = new CopiedContainerRoot(CopiedRoot.Create(store, stack, cancellationToken), tree, user);
        try
        {
            prepared.EnsureDirectory(container.WorkingDirectory);
            return prepared;
        }
        catch
        {
            prepared.Dispose();
            throw;
        }
    }

    /// <summary>Where a path of the image leads, as an absolute path without links.</summary>
    public string Resolve(string path) => "/" + CanonicalPath.Resolve(_tree, path);

    /// <inheritdoc/>
    public void Dispose() => Root.Dispose();

    private static void Refuse(ContainerRecord container, IsolationRung rung)
    {
        string? wish = container switch
        {
            { Detached: true } => "--detach",
            { AutoRemove: false } => "a container that outlives its process (add --rm)",
            { ReadOnly: true } => "--read-only",
            { Init: true } => "--init",
            { Privileged: true } when rung == IsolationRung.Trace => "--privileged",
            { Network: ContainerNetwork.Private } => "--network private",
            { Ports.IsEmpty: false } => "--publish (the ports of the container are the machine's own)",
            _ when container.Mounts.FirstOrDefault(mount => !IsPossible(container, mount, rung)) is { } mount =>
                $"a mount on {mount.Target}",
            _ => null,
        };
        if (wish is not null)
        {
            string name = rung == IsolationRung.Trace ? "trace" : "chroot";
            throw new RunException(RunFailure.NotStarted, $"isolation {name}: {wish} needs namespaces")
            {
                Hint = "`bld info` says which door is closed and what opens it",
            };
        }
    }

    // An anonymous volume lives as long as the container: so does what the image has at its place.
    private static bool IsPossible(ContainerRecord container, ContainerMount mount, IsolationRung rung) => mount.Kind switch
    {
        ContainerMountKind.Tmpfs => true,
        ContainerMountKind.Bind => rung == IsolationRung.Trace,
        ContainerMountKind.Volume => container.AnonymousVolumes.Contains(mount.Source),
        _ => false,
    };

    private void EnsureDirectory(string directory)
    {
        using SafeFileHandle handle = AtCalls.Open(Root.FilesPath, OpenFlags.DirectoryPath).Release();
        new MountPoints(handle).Ensure(Resolve(directory), isDirectory: true);
    }
}

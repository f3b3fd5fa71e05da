// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Net.Sockets;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Isolation;
using Builder.Executor.Sandbox.Trace;
using Builder.Executor.Snapshots;
using Builder.Solver.Files;

namespace Builder.Executor.Running;

/// <summary>
/// A container under the tracer: a copy of the image's file system as the root of its process, on the machine's network.
/// It lasts as long as the process.
/// </summary>
internal sealed class TraceContainer : IContainerSandbox
{
    private readonly CopiedContainerRoot _root;
    private readonly string _scratch;
    private readonly TraceSpec _spec;
    private readonly List<IDisposable> _resources = [];
    private TracedCommand? _command;

    private TraceContainer(CopiedContainerRoot root, string scratch, TraceSpec spec, ContainerRecord container)
    {
        _root = root;
        _scratch = scratch;
        _spec = spec with { Group = ContainerSandbox.OpenGroup(_resources, container) };
    }

    /// <inheritdoc/>
    public string? Warning => "isolation trace: no namespaces: the container has this machine's network and process ids";

    /// <summary>Copies the file system and gathers what the container sees besides.</summary>
    /// <exception cref="RunException">The container asks for what there cannot be here.</exception>
    public static async Task<TraceContainer> PrepareAsync(
        ContainerPlaces places, ContainerRecord container, ILayerFetcher? fetcher, CancellationToken cancellationToken)
    {
        Store store = places.Store;
        CopiedContainerRoot root = await CopiedContainerRoot
            .PrepareAsync(store, container, IsolationRung.Trace, fetcher, cancellationToken).ConfigureAwait(false);
        string scratch = store.Tmp.CreateDirectory("trace");
        try
        {
            return new TraceContainer(root, scratch, Specify(root, scratch, container), container);
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
        _resources.ForEach(resource => resource.Dispose());
        _root.Dispose();
        FileTreeRemover.Remove(_scratch);
    }

    private static TraceSpec Specify(CopiedContainerRoot root, string scratch, ContainerRecord container)
    {
        ImmutableArray<TraceMount>.Builder mounts = ImmutableArray.CreateBuilder<TraceMount>();
        foreach (ContainerMount mount in container.Mounts)
        {
            if (mount.Kind == ContainerMountKind.Tmpfs)
            {
                string empty = Path.Combine(scratch, $"tmpfs-{mounts.Count}");
                Directory.CreateDirectory(empty);
                AtCalls.Chmod(AtCalls.CurrentDirectory, PathEncoding.Encode(empty), mount.Mode);
                mounts.Add(new TraceMount(root.Resolve(mount.Target), empty, mount.ReadOnly));
            }
            else if (mount.Kind == ContainerMountKind.Bind)
            {
                EnsureSource(mount);
                mounts.Add(new TraceMount(root.Resolve(mount.Target), mount.Source, mount.ReadOnly));
            }
        }

        return new TraceSpec
        {
            Root = root.Root.Root,
            Owners = root.Root.Owners,
            Scratch = scratch,
            Arguments = container.Arguments,
            Environment = ContainerSandbox.WithHome(container.Environment, root.User),
            WorkingDirectory = container.WorkingDirectory,
            User = root.User,
            Hostname = container.Hostname,
            Mounts = mounts.ToImmutable(),
            Files =
            [
                .. ContainerFiles.Create(container, sharesNetwork: true)
                    .Select(file => file with { Target = root.Resolve(file.Target) }),
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
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Builder.Executor.Devices;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Mounts;
using Builder.Solver.Files;
using Builder.Solver.Operations;
using Builder.Solver.Ports;

namespace Builder.Executor.Steps;

/// <summary>
/// What the CDI devices of one RUN step add to its container. Nodes are made anew with the mode and owner that are asked
/// for; where this process may not make any, the machine's own are shown.
/// </summary>
internal sealed class StepDevices : IDisposable
{
    private const long NodesBytes = 64 * 1024;
    private const int DirectoryMode = 0b111_101_101;

    private readonly List<IDisposable> _resources = [];
    private readonly List<SandboxMount> _mounts = [];
    private readonly List<string> _environment = [];
    private readonly List<uint> _groups = [];

    private readonly bool _canMount;

    private StepDevices(bool canMount) => _canMount = canMount;

    /// <summary>Nodes, files and directories.</summary>
    public IReadOnlyList<SandboxMount> Mounts => _mounts;

    /// <summary>Variables.</summary>
    public IReadOnlyList<string> Environment => _environment;

    /// <summary>Further groups of the process.</summary>
    public IReadOnlyList<uint> Groups => _groups;

    /// <summary>Prepares the devices of a step; tells the step's output which ones it runs without.</summary>
    /// <param name="requests">What the step asks for.</param>
    /// <param name="directories">Where specifications are.</param>
    /// <param name="canMount">False on rungs without a mount namespace: a device can bring variables and groups only.</param>
    /// <param name="output">The step's.</param>
    /// <exception cref="DeviceException">A device is missing, not allowed, or asks for what bld does not do.</exception>
    public static StepDevices Prepare(
        ImmutableArray<DeviceRequest> requests, ImmutableArray<string> directories, bool canMount, IStepOutput output)
    {
        var prepared = new StepDevices(canMount);
        try
        {
            if (!requests.IsEmpty)
            {
                prepared.AddAll(requests, DeviceCatalogue.Load(directories), output);
            }

            return prepared;
        }
        catch
        {
            prepared.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _resources.ForEach(resource => resource.Dispose());
        _resources.Clear();
    }

    private void AddAll(ImmutableArray<DeviceRequest> requests, DeviceCatalogue catalogue, IStepOutput output)
    {
        HashSet<string> added = new(StringComparer.Ordinal);
        foreach (DeviceRequest request in requests)
        {
            ImmutableArray<CatalogueEntry> entries = catalogue.Find(request);
            if (entries.IsEmpty)
            {
                output.Write(true, Encoding.UTF8.GetBytes(
                    $"warning: device {request.Name}: the machine has none, the step runs without it\n"));
            }

            foreach (CatalogueEntry entry in entries)
            {
                // The edits of a specification count once, however many of its devices are used.
                ImmutableArray<DeviceEdits> edits = entry.ReadEdits();
                AddOnce(added, entry.Specification.File, entry, edits[0]);
                AddOnce(added, entry.Name, entry, edits[1]);
            }
        }
    }

    private void AddOnce(HashSet<string> added, string key, CatalogueEntry entry, DeviceEdits edits)
    {
        if (!added.Add(key))
        {
            return;
        }

        if (!_canMount && !(edits.Nodes.IsEmpty && edits.Mounts.IsEmpty))
        {
            throw new DeviceException($"device {entry.Name}: its nodes and files cannot be shown on this rung of isolation")
            {
                Hint = "see bld info for the rung, and what would allow a user namespace",
            };
        }

        _environment.AddRange(edits.Environment);
        _groups.AddRange(edits.Groups);
        foreach (DeviceNode node in edits.Nodes)
        {
            AddNode(entry, node);
        }

        foreach (DeviceMount mount in edits.Mounts)
        {
            RequireOnMachine(entry, mount.HostPath);
            _mounts.Add(new SandboxMount(mount.Target, Own(DetachedMount.Bind(mount.HostPath, mount.IsRecursive, mount.Attributes))));
        }
    }

    private void AddNode(CatalogueEntry entry, DeviceNode node)
    {
        FileStatus status = RequireOnMachine(entry, node.HostPath);
        if (status.Kind is not (FileKind.CharacterDevice or FileKind.BlockDevice))
        {
            throw new DeviceException($"device {entry.Name}: {node.HostPath} is no device node")
            {
                Hint = $"{entry.Specification.File} names it",
            };
        }

        DetachedMount nodes = Own(DetachedMount.Tmpfs(DirectoryMode, NodesBytes, Libc.MountNoSuid | Libc.MountNoExec));
        int directory = nodes.Handle.Number();
        int type = status.Kind == FileKind.CharacterDevice ? FileType.CharacterDevice : FileType.BlockDevice;
        int mode = node.Mode ?? (status.Permissions & 0b111_111_111);
        string name = _mounts.Count.ToString(CultureInfo.InvariantCulture);
        byte[] bytes = Encoding.ASCII.GetBytes(name);
        if (!AtCalls.RawMknod(directory, bytes, type | mode, status.DeviceMajor, status.DeviceMinor))
        {
            _mounts.Add(new SandboxMount(node.Path, Own(DetachedMount.Bind(node.HostPath, isRecursive: false, attributes: 0))));
            return;
        }

        AtCalls.Chmod(directory, bytes, mode);
        if (!AtCalls.RawChown(directory, bytes, node.UserId ?? status.UserId, node.GroupId ?? status.GroupId))
        {
            throw AtCalls.Failure("change owner of", directory, Encoding.UTF8.GetBytes(node.Path));
        }

        _mounts.Add(new SandboxMount(node.Path, nodes, name));
    }

    private static FileStatus RequireOnMachine(CatalogueEntry entry, string path)
    {
        using FileDescriptor? there = AtCalls.TryOpen(AtCalls.CurrentDirectory, PathEncoding.Encode(path), OpenFlags.Path);
        return there is null
            ? throw new DeviceException($"device {entry.Name}: {path} is not on this machine")
            {
                Hint = $"{entry.Specification.File} names it; is the driver loaded?",
            }
            : AtCalls.Stat(there.Value, []);
    }

    private T Own<T>(T resource)
        where T : IDisposable
    {
        _resources.Add(resource);
        return resource;
    }
}

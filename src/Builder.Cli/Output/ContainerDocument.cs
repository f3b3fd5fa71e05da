// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text.Json.Nodes;
using Builder.Executor.Running;

namespace Builder.Cli.Output;

/// <summary>What <c>inspect</c> shows of a container, by docker's keys.</summary>
internal static class ContainerDocument
{
    // One core is 10^9 of docker's units and 100,000 microseconds of each period.
    private const long NanoCpusPerMicrosecond = 10_000;

    private const string Never = "0001-01-01T00:00:00Z";

    /// <summary>The document of a container, or null.</summary>
    public static InspectedObject? Find(Composition composition, string name)
    {
        if (composition.Containers.Find(name) is not { } container)
        {
            return null;
        }

        JsonObject document = Create(composition, container, composition.Containers.ReadState(container.Id));
        return new InspectedObject(document, document);
    }

    private static JsonObject Create(Composition composition, ContainerRecord container, ContainerState state) => new()
    {
        ["Id"] = container.Id,
        ["Created"] = ImageDocument.Time(container.Created),
        ["Path"] = container.Arguments.IsEmpty ? "" : container.Arguments[0],
        ["Args"] = ImageDocument.List(container.Arguments.Skip(1)),
        ["State"] = State(state),
        ["Image"] = container.ImageId,
        ["ResolvConfPath"] = Path.Combine(composition.Containers.PathOf(container.Id), "resolv.conf"),
        ["HostnamePath"] = Path.Combine(composition.Containers.PathOf(container.Id), "hostname"),
        ["HostsPath"] = Path.Combine(composition.Containers.PathOf(container.Id), "hosts"),
        ["LogPath"] = composition.Containers.LogPath(container.Id),
        ["Name"] = "/" + container.Name,
        ["HostConfig"] = HostConfig(container),
        ["Mounts"] = new JsonArray([.. container.Mounts.Select(mount => (JsonNode?)Mount(composition, mount))]),
        ["Config"] = Config(container),
        ["NetworkSettings"] = new JsonObject { ["Ports"] = Ports(state.Ports.IsDefaultOrEmpty ? container.Ports : state.Ports) },
    };

    private static JsonObject State(ContainerState state) => new()
    {
        ["Status"] = state.Status.ToString().ToLowerInvariant(),
        ["Running"] = state.Status == ContainerStatus.Running,
        ["Paused"] = false,
        ["Restarting"] = false,
        ["OOMKilled"] = false,
        ["Dead"] = false,
        ["Pid"] = state.Process?.Pid ?? 0,
        ["ExitCode"] = state.ExitCode,
        ["Error"] = state.Error,
        ["StartedAt"] = state.Started is { } started ? ImageDocument.Time(started) : Never,
        ["FinishedAt"] = state.Finished is { } finished ? ImageDocument.Time(finished) : Never,
    };

    private static JsonObject HostConfig(ContainerRecord container) => new()
    {
        ["Binds"] = ImageDocument.List(container.Mounts.Where(mount => mount.Kind != ContainerMountKind.Tmpfs)
            .Select(mount => $"{mount.Source}:{mount.Target}{(mount.ReadOnly ? ":ro" : "")}")),
        ["NetworkMode"] = container.Network.ToString().ToLowerInvariant(),
        ["PortBindings"] = Ports(container.Ports),
        ["AutoRemove"] = container.AutoRemove,
        ["CapAdd"] = ImageDocument.List(container.AddedCapabilities),
        ["CapDrop"] = ImageDocument.List(container.DroppedCapabilities),
        ["Privileged"] = container.Privileged,
        ["ReadonlyRootfs"] = container.ReadOnly,
        ["ShmSize"] = container.ShmSizeBytes == 0 ? 64L << 20 : container.ShmSizeBytes,
        ["Init"] = container.Init,
        ["Memory"] = container.MemoryBytes,
        ["NanoCpus"] = container.CpuMicroseconds * NanoCpusPerMicrosecond,
        ["PidsLimit"] = container.MaxProcesses,
    };

    private static JsonObject Config(ContainerRecord container)
    {
        JsonObject labels = [];
        foreach ((string key, string value) in container.Labels)
        {
            labels[key] = value;
        }

        return new JsonObject
        {
            ["Hostname"] = container.Hostname,
            ["User"] = container.User,
            ["Tty"] = container.Terminal,
            ["OpenStdin"] = container.Interactive,
            ["ExposedPorts"] = ImageDocument.Set(container.ExposedPorts) ?? [],
            ["Env"] = ImageDocument.List(container.Environment),
            ["Cmd"] = ImageDocument.List(container.Arguments),
            ["Image"] = container.Image,
            ["WorkingDir"] = container.WorkingDirectory,
            ["Labels"] = labels,
            ["StopSignal"] = container.StopSignal,
            ["StopTimeout"] = container.StopTimeoutSeconds,
        };
    }

    private static JsonObject Mount(Composition composition, ContainerMount mount) => new()
    {
        ["Type"] = mount.Kind.ToString().ToLowerInvariant(),
        ["Name"] = mount.Kind == ContainerMountKind.Volume ? mount.Source : "",
        ["Source"] = mount.Kind == ContainerMountKind.Volume ? composition.Volumes.DataPath(mount.Source) : mount.Source,
        ["Destination"] = mount.Target,
        ["RW"] = !mount.ReadOnly,
    };

    private static JsonObject Ports(IEnumerable<PortMapping> ports)
    {
        JsonObject node = [];
        foreach (IGrouping<string, PortMapping> group in ports.GroupBy(Inside, StringComparer.Ordinal))
        {
            node[group.Key] = new JsonArray([.. group.Select(port => (JsonNode?)new JsonObject
            {
                ["HostIp"] = port.HostAddress.Length == 0 ? "0.0.0.0" : port.HostAddress,
                ["HostPort"] = port.HostPort.ToString(CultureInfo.InvariantCulture),
            })]);
        }

        return node;
    }

    private static string Inside(PortMapping port) =>
        string.Create(CultureInfo.InvariantCulture, $"{port.ContainerPort}/{port.Protocol}");
}

// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Running;

namespace Builder.Cli.Output;

/// <summary><c>ps --filter</c>: every key must hold, for one key any of its values.</summary>
internal sealed class ContainerFilter
{
    private readonly List<Func<ContainerRecord, ContainerState, bool>> _conditions = [];

    /// <summary>A status was asked for, so that containers that do not run are wanted too.</summary>
    public bool NamesStatus { get; private set; }

    /// <summary>Parses <c>KEY=VALUE</c> filters.</summary>
    /// <exception cref="UsageException">Unknown key or malformed value.</exception>
    public static ContainerFilter Parse(string[] filters)
    {
        ContainerFilter result = new();
        foreach (IGrouping<string, string[]> group in filters.Select(f => f.Split('=', 2)).GroupBy(f => f[0], StringComparer.Ordinal))
        {
            string[] values = [.. group.Select(parts => parts.Length == 2
                ? parts[1]
                : throw new UsageException($"invalid filter \"{parts[0]}\"") { Hint = "filters are KEY=VALUE" })];
            Func<ContainerRecord, ContainerState, string, bool> condition = Condition(group.Key);
            if (group.Key == "status")
            {
                values = [.. values.Select(Known)];
            }

            result.NamesStatus |= group.Key is "status" or "exited";
            result._conditions.Add((container, state) => values.Any(value => condition(container, state, value)));
        }

        return result;
    }

    /// <summary>True when the container passes.</summary>
    public bool Accepts(ContainerRecord container, ContainerState state) =>
        _conditions.All(condition => condition(container, state));

    private static Func<ContainerRecord, ContainerState, string, bool> Condition(string key) => key switch
    {
        "id" => (container, _, value) => container.Id.StartsWith(value, StringComparison.Ordinal),
        "name" => HasName,
        "label" => HasLabel,
        "status" => (_, state, value) => state.Status.ToString().Equals(value, StringComparison.OrdinalIgnoreCase),
        "exited" => (_, state, value) => state.Status == ContainerStatus.Exited
            && state.ExitCode.ToString(CultureInfo.InvariantCulture) == value,
        "ancestor" => (container, _, value) => container.Image == value
            || container.Image == value + ":latest"
            || container.ImageId.StartsWith(value, StringComparison.Ordinal)
            || container.ImageId.StartsWith("sha256:" + value, StringComparison.Ordinal),
        "volume" => (container, _, value) => container.Mounts.Any(mount => mount.Source == value || mount.Target == value),
        "publish" => (container, _, value) => container.Ports.Any(port =>
            port.HostPort.ToString(CultureInfo.InvariantCulture) == value.Split('/')[0]),
        _ => throw new UsageException($"invalid filter \"{key}\"")
        {
            Hint = "one of id, name, label, status, exited, ancestor, volume, publish",
        },
    };

    // docker's states, of which bld has fewer.
    private static string Known(string status) =>
        status is "created" or "restarting" or "running" or "removing" or "paused" or "exited" or "dead"
            ? status
            : throw new UsageException($"invalid filter \"status={status}\"") { Hint = "one of created, running, exited" };

    /// <summary>A part of the name; ^ and $ stand for its ends.</summary>
    private static bool HasName(ContainerRecord container, ContainerState state, string wanted)
    {
        string part = wanted.TrimStart('^').TrimEnd('$').TrimStart('/');
        return (wanted.StartsWith('^'), wanted.EndsWith('$')) switch
        {
            (true, true) => container.Name == part,
            (true, false) => container.Name.StartsWith(part, StringComparison.Ordinal),
            (false, true) => container.Name.EndsWith(part, StringComparison.Ordinal),
            _ => container.Name.Contains(part, StringComparison.Ordinal),
        };
    }

    private static bool HasLabel(ContainerRecord container, ContainerState state, string wanted)
    {
        string[] parts = wanted.Split('=', 2);
        return container.Labels.TryGetValue(parts[0], out string? value) && (parts.Length == 1 || parts[1] == value);
    }
}

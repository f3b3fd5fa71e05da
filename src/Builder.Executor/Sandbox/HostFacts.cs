// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.FileSystem;

namespace Builder.Executor.Sandbox;

/// <summary>What this process may do itself; found out once, it does not change while it lives.</summary>
internal sealed class HostFacts
{
    private static readonly Lazy<HostFacts> s_current = new(() => new HostFacts());

    private HostFacts()
    {
        string status = File.ReadAllText("/proc/self/status");
        Permitted = new CapabilitySet(ReadMask(status, "CapPrm:"));
        Bounding = new CapabilitySet(ReadMask(status, "CapBnd:"));
        UserIdCount = OwnershipModes.MappedIds(File.ReadAllText("/proc/self/uid_map"));
        IsInUserNamespace = OwnershipModes.IsInUserNamespace();
        HasCgroup2 = File.Exists("/sys/fs/cgroup/cgroup.controllers");
    }

    /// <summary>This process's.</summary>
    public static HostFacts Current => s_current.Value;

    /// <summary>The capabilities it can use in its user namespace.</summary>
    public CapabilitySet Permitted { get; }

    /// <summary>The capabilities its children can have.</summary>
    public CapabilitySet Bounding { get; }

    /// <summary>How many user ids exist here.</summary>
    public ulong UserIdCount { get; }

    /// <summary>It is in a user namespace, not the machine's first.</summary>
    public bool IsInUserNamespace { get; }

    /// <summary>Only one id exists: owners are kept in the ledger.</summary>
    public bool HasSingleId => UserIdCount <= 1;

    /// <summary>/sys/fs/cgroup is the unified hierarchy.</summary>
    public bool HasCgroup2 { get; }

    private static ulong ReadMask(string status, string field)
    {
        string line = status.Split('\n').First(text => text.StartsWith(field, StringComparison.Ordinal));
        return ulong.Parse(line.AsSpan(field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Interop;

namespace Builder.Executor.FileSystem;

/// <summary>How much of owner, mode and device the disk itself can hold for this process.</summary>
internal enum OwnershipMode
{
    /// <summary>Everything: root of the machine. Recorded attributes are neither read nor written.</summary>
    Native,

    /// <summary>Owners within the mapped ids, which may be all; no devices.</summary>
    SubIds,

    /// <summary>One owner only, every mode.</summary>
    SingleId,

    /// <summary>One owner only, and no right to get past modes: the owner keeps read and write on disk.</summary>
    SingleIdShadowedModes,
}

/// <summary>Finds the <see cref="OwnershipMode"/> of this process.</summary>
internal static class OwnershipModes
{
    private const int CapabilityChown = 0;
    private const int CapabilityDacOverride = 1;
    private const int CapabilityMknod = 27;
    private const string FirstUserNamespace = "user:[4026531837]";

    /// <summary>Looks at the user namespace and the effective capabilities of this process.</summary>
    public static OwnershipMode Detect()
    {
        ulong capabilities = EffectiveCapabilities(File.ReadAllText("/proc/self/status"));
        bool hasDacOverride = (capabilities >> CapabilityDacOverride & 1) != 0;
        if (Libc.GetEffectiveUserId() != 0 || (capabilities >> CapabilityChown & 1) == 0)
        {
            return hasDacOverride ? OwnershipMode.SingleId : OwnershipMode.SingleIdShadowedModes;
        }

        return MappedIds(File.ReadAllText("/proc/self/uid_map")) switch
        {
            uint.MaxValue when (capabilities >> CapabilityMknod & 1) != 0 && !IsInUserNamespace() => OwnershipMode.Native,
            > 1 => OwnershipMode.SubIds,
            _ => OwnershipMode.SingleId,
        };
    }

    /// <summary>
    /// True in any user namespace but the machine's first. A map of all ids says nothing: root of a pod may map each to
    /// itself. Source: PROC_USER_INIT_INO of the kernel's proc_ns.h.
    /// </summary>
    public static bool IsInUserNamespace() =>
        MappedIds(File.ReadAllText("/proc/self/uid_map")) < uint.MaxValue
        || new FileInfo("/proc/self/ns/user").LinkTarget is { } name
            && !string.Equals(name, FirstUserNamespace, StringComparison.Ordinal);

    /// <summary>How many ids a uid_map maps.</summary>
    public static ulong MappedIds(string map) => map
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Where(fields => fields.Length == 3)
        .Aggregate(0UL, (sum, fields) => sum + ulong.Parse(fields[2], CultureInfo.InvariantCulture));

    private static ulong EffectiveCapabilities(string status)
    {
        const string Field = "CapEff:";
        string? line = status.Split('\n')
            .FirstOrDefault(text => text.StartsWith(Field, StringComparison.Ordinal));
        return line is null
            ? 0
            : ulong.Parse(line.AsSpan(Field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Isolation;

/// <summary>A range of ids: those from <paramref name="Inside"/> on are those from <paramref name="Outside"/> on.</summary>
internal sealed record IdRange(ulong Inside, ulong Outside, ulong Count);

/// <summary>How the ids of a new user namespace relate to the machine's.</summary>
/// <param name="Users">User ids.</param>
/// <param name="Groups">Group ids.</param>
/// <param name="NeedsHelper">Only newuidmap and newgidmap may write it.</param>
internal sealed record IdMapping(ImmutableArray<IdRange> Users, ImmutableArray<IdRange> Groups, bool NeedsHelper)
{
    /// <summary>How many user ids there are inside.</summary>
    public ulong Count => Users.Aggregate(0UL, (sum, range) => sum + range.Count);

    /// <summary>Only the caller, as root.</summary>
    public static IdMapping Single() => new(
        [new IdRange(0, Libc.GetEffectiveUserId(), 1)], [new IdRange(0, Libc.GetEffectiveGroupId(), 1)],
        NeedsHelper: false);

    /// <summary>The caller as root and the ids that belong to him, or null and why there are none.</summary>
    public static IdMapping? FindMany(out string? reason)
    {
        uint user = Libc.GetEffectiveUserId();
        CapabilitySet capabilities = HostFacts.Current.Permitted;
        if (user == 0 && capabilities.Contains(Capability.Setuid) && capabilities.Contains(Capability.Setgid))
        {
            // Root of a pod: all ids it has, unchanged.
            reason = null;
            ImmutableArray<IdRange> users = Identity("/proc/self/uid_map");
            return new IdMapping(users, Identity("/proc/self/gid_map"), NeedsHelper: false);
        }

        foreach (string helper in (ReadOnlySpan<string>)["newuidmap", "newgidmap"])
        {
            if (ProcessStarter.FindInPath(helper) is null)
            {
                reason = $"{helper} is not installed (Debian: uidmap)";
                return null;
            }
        }

        if (File.ReadLines("/proc/self/status").Any(line => line.StartsWith("NoNewPrivs:\t1", StringComparison.Ordinal)))
        {
            reason = "newuidmap cannot work: no_new_privs is set (allowPrivilegeEscalation: false)";
            return null;
        }

        ImmutableArray<IdRange> userRanges = SubordinateIds.Find("/etc/subuid", user);
        ImmutableArray<IdRange> groupRanges = SubordinateIds.Find("/etc/subgid", user);
        if (userRanges.IsEmpty || groupRanges.IsEmpty)
        {
            reason = $"/etc/{(userRanges.IsEmpty ? "subuid" : "subgid")} gives this user no ids"
                + " (usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER)";
            return null;
        }

        reason = null;
        return new IdMapping(
            Lay(user, userRanges), Lay(Libc.GetEffectiveGroupId(), groupRanges), NeedsHelper: true);
    }

    /// <summary>The lines of uid_map or gid_map.</summary>
    public static string Format(ImmutableArray<IdRange> ranges) => string.Join(
        '\n', ranges.Select(range => string.Create(
            CultureInfo.InvariantCulture, $"{range.Inside} {range.Outside} {range.Count}")));

    // 0 is the caller; the ranges follow from 1 on.
    private static ImmutableArray<IdRange> Lay(uint self, ImmutableArray<IdRange> ranges)
    {
        ImmutableArray<IdRange>.Builder laid = ImmutableArray.CreateBuilder<IdRange>();
        laid.Add(new IdRange(0, self, 1));
        ulong next = 1;
        foreach (IdRange range in ranges)
        {
            laid.Add(range with { Inside = next });
            next += range.Count;
        }

        return laid.ToImmutable();
    }

    // The ids that exist here, each as itself.
    private static ImmutableArray<IdRange> Identity(string map) =>
    [
        .. File.ReadLines(map)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(fields => new IdRange(Parse(fields[0]), Parse(fields[0]), Parse(fields[2]))),
    ];

    private static ulong Parse(string text) => ulong.Parse(text, CultureInfo.InvariantCulture);
}

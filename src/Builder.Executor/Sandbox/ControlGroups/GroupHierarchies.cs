// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.ControlGroups;

/// <summary>The directory of this process's own control group in one hierarchy.</summary>
/// <param name="Directory">The directory.</param>
/// <param name="IsVersion2">The unified hierarchy.</param>
/// <param name="Controllers">What it can limit.</param>
internal sealed record GroupHierarchy(string Directory, bool IsVersion2, IReadOnlyList<string> Controllers);

/// <summary>Finds the mounted hierarchies of control groups. Source: cgroups(7).</summary>
internal static class GroupHierarchies
{
    /// <summary>All that are mounted and hold this process, the unified one last.</summary>
    public static IReadOnlyList<GroupHierarchy> Find() =>
        Find(File.ReadAllText("/proc/self/cgroup"), File.ReadAllText("/proc/self/mountinfo"), File.Exists, File.ReadAllText);

    /// <summary>The same, from what the kernel says.</summary>
    internal static IReadOnlyList<GroupHierarchy> Find(
        string groups, string mounts, Func<string, bool> exists, Func<string, string> read)
    {
        var found = new List<GroupHierarchy>();
        foreach (string line in groups.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // "4:memory:/path", "0::/path"
            string[] fields = line.Split(':', 3);
            string[] controllers = fields.Length == 3 ? fields[1].Split(',') : [];
            bool isVersion2 = controllers is [""];
            if (fields.Length < 3 || FindDirectory(mounts, isVersion2 ? null : controllers[0], fields[2]) is not { } directory)
            {
                continue;
            }

            string available = Path.Join(directory, "cgroup.controllers");
            found.Add(new GroupHierarchy(
                directory, isVersion2,
                !isVersion2 ? controllers
                    : exists(available) ? read(available).Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries) : []));
        }

        return [.. found.OrderBy(hierarchy => hierarchy.IsVersion2)];
    }

    // "ID PARENT MAJ:MIN ROOT MOUNTPOINT OPTIONS ... - TYPE SOURCE SUPEROPTIONS"
    private static string? FindDirectory(string mounts, string? controller, string group)
    {
        foreach (string line in mounts.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] halves = line.Split(" - ", 2);
            string[] fields = halves[0].Split(' ');
            string[] last = halves.Length == 2 ? halves[1].Split(' ') : [];
            bool isWanted = fields.Length > 4 && last.Length > 2
                && (controller is null
                    ? last[0] == "cgroup2"
                    : last[0] == "cgroup" && last[2].Split(',').Contains(controller, StringComparer.Ordinal));
            if (isWanted && Below(fields[3], group) is { } relative)
            {
                return relative.Length == 0 ? fields[4] : $"{fields[4].TrimEnd('/')}/{relative}";
            }
        }

        return null;
    }

    // Where a group is below the part of the hierarchy that is mounted.
    private static string? Below(string root, string group)
    {
        string prefix = root.TrimEnd('/');
        return group == prefix || prefix.Length == 0 ? group[prefix.Length..].Trim('/')
            : group.StartsWith(prefix + "/", StringComparison.Ordinal) ? group[(prefix.Length + 1)..].Trim('/')
            : null;
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.ControlGroups;
using Xunit;

namespace Builder.Executor.Tests.Sandbox;

public sealed class GroupHierarchiesTests
{
    [Fact]
    public void Version_1_comes_first_and_paths_are_those_of_the_mounts()
    {
        IReadOnlyList<GroupHierarchy> found = GroupHierarchies.Find(
            "4:memory:/kube/pod1/a\n3:cpu,cpuacct:/kube/pod1/a\n1:name=systemd:/\n0::/kube/pod1/a\n",
            """
            32 31 0:29 /kube/pod1 /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
            33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct
            34 31 0:31 /kube/pod1/a /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
            35 31 0:32 / /proc rw - proc proc rw
            """,
            path => path == "/sys/fs/cgroup/unified/cgroup.controllers",
            _ => "cpu pids\n");

        Assert.Equal(
            ["/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/cpu,cpuacct/kube/pod1/a", "/sys/fs/cgroup/unified"],
            found.Select(hierarchy => hierarchy.Directory));
        Assert.Equal(["cpu", "pids"], found[^1].Controllers);
        Assert.True(found[^1].IsVersion2);
    }

    [Fact]
    public void A_group_outside_of_what_is_mounted_is_not_found() => Assert.Empty(GroupHierarchies.Find(
        "0::/../other\n", "34 31 0:31 /mine /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", _ => false, _ => ""));

    [Fact]
    public void Limits_become_the_files_of_each_version()
    {
        var limits = new GroupLimits(64 << 20, 150_000, 7);

        Assert.Equal(
            ["memory.max=67108864", "cpu.max=150000 100000", "pids.max=7"],
            limits.Files(isVersion2: true).Select(file => $"{file.File}={file.Value}"));
        Assert.Equal(
            ["memory.limit_in_bytes=67108864", "cpu.cfs_period_us=100000", "cpu.cfs_quota_us=150000", "pids.max=7"],
            limits.Files(isVersion2: false).Select(file => $"{file.File}={file.Value}"));
    }
}

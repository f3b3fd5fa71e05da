// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Globalization;
using Builder.Executor.Sandbox.ControlGroups;
using Builder.Executor.Tests.Steps;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Sandbox;

/// <summary>Where groups are made in the machine's own unified hierarchy; this process goes into one and out again.</summary>
[Collection(nameof(AloneCollection))]
public sealed class DelegatedGroupTests
{
    [RootFact]
    public void Groups_are_made_where_their_controllers_can_be_had()
    {
        GroupHierarchy? hierarchy = GroupHierarchies.Find().FirstOrDefault(group => group.IsVersion2);
        if (hierarchy is not { Controllers: [string controller, ..] })
        {
            Assert.Skip("no unified hierarchy of control groups with a controller");
            return;
        }

        string above = hierarchy.Directory;
        string own = Path.Join(above, $"bld-test-{Environment.ProcessId}");
        string self = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        Directory.CreateDirectory(own);
        using Process other = new Command("sleep", "60").Start();
        try
        {
            Assert.Equal(own, DelegatedGroup.Find(own, [controller]));
            DelegatedGroup.Write(Path.Join(own, "cgroup.subtree_control"), "-" + controller);

            // Alone in its group, it steps aside, and does so once.
            Move(self, own);
            Assert.Equal(own, DelegatedGroup.Find(own, [controller]));
            Assert.Equal([self], File.ReadAllLines(Path.Join(own, "bld/cgroup.procs")));
            Assert.Equal(own, DelegatedGroup.Find(Path.Join(own, "bld"), [controller]));
            Move(self, above);
            DelegatedGroup.Write(Path.Join(own, "cgroup.subtree_control"), "-" + controller);

            // Processes of others stay where they are.
            Move(other.Id.ToString(CultureInfo.InvariantCulture), own);
            Assert.Equal(above, DelegatedGroup.Find(own, [controller]));
            Assert.Equal([$"{other.Id}"], File.ReadAllLines(Path.Join(own, "cgroup.procs")));
        }
        finally
        {
            other.Kill();
            other.WaitForExit();
            Move(self, above);
            Directory.Delete(Path.Join(own, "bld"));
            Directory.Delete(own);
        }
    }

    private static void Move(string process, string group) => DelegatedGroup.Write(Path.Join(group, "cgroup.procs"), process);
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Copying;
using Builder.Solver.Operations;
using Xunit;

namespace Builder.Solver.Tests.Copying;

public sealed class WorkdirPlannerTests
{
    private static readonly MemoryTree s_parent = new(
        "tmp/ 1777", "tempest -> /var/lib/tempest", "var/lib/ 0711", "there -> tmp", "file = x",
        "etc/passwd = http:x:1000:1001:", "home/http/ 0755 1000:1001");

    [Theory]
    [InlineData("/a/b", "", "a/ 0755\na/b/ 0755")]
    [InlineData("/a/../b/", "9999", "b/ 0755 9999:9999")]
    [InlineData("/tempest", "", "var/ 0755\nvar/lib/ 0711\nvar/lib/tempest/ 0755")]
    [InlineData("/tempest/lower", "7:8", "var/ 0755\nvar/lib/ 0711\nvar/lib/tempest/ 0755 7:8\nvar/lib/tempest/lower/ 0755 7:8")]
    [InlineData("/home/http/public", "http", "home/ 0755\nhome/http/ 0755 1000:1001\nhome/http/public/ 0755 1000:1001")]
    public void Missing_directories_are_made_for_the_user(string directory, string user, string expected)
    {
        LayerPlan? plan = WorkdirPlanner.Plan(s_parent, directory, user, null);
        Assert.Equal(expected, CopyHarness.Show(plan!));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/tmp/")]
    [InlineData("/there")]
    public void An_existing_directory_needs_no_layer(string directory) =>
        Assert.Null(WorkdirPlanner.Plan(s_parent, directory, "nobody", null));

    [Fact]
    public void Scratch_has_only_its_root()
    {
        Assert.Null(WorkdirPlanner.Plan(null, "/", "", null));
        Assert.Equal(17, Assert.Single(WorkdirPlanner.Plan(null, "/x", "root", 17)!.Entries).Node.ModifiedSeconds);
    }

    [Fact]
    public void A_file_in_the_way_and_an_unknown_user_are_errors()
    {
        Assert.Throws<SolveException>(() => WorkdirPlanner.Plan(s_parent, "/file/x", "", null));
        Assert.Throws<SolveException>(() => WorkdirPlanner.Plan(s_parent, "/x", "ghost", null));
    }
}

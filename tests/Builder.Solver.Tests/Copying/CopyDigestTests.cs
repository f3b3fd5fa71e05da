// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Copying;
using Xunit;

namespace Builder.Solver.Tests.Copying;

public sealed class CopyDigestTests
{
    [Theory]
    [InlineData("COPY d /x/", "d/a 0644 = 1", "d/a 0644 = 2", false)]
    [InlineData("COPY d /x/", "d/a 0644 = 1", "d/b 0644 = 1", false)]
    [InlineData("COPY d /x/", "d/a 0644 = 1", "d/a 0640 = 1", false)]
    [InlineData("COPY d /x/", "d/a 0644 = 1", "d/a 0644 1:1 = 1", false)]
    [InlineData("COPY d /x/", "d/a -> b", "d/a -> c", false)]
    [InlineData("COPY d/a /x/", "d/a = 1", "d/a = 2", false)]
    [InlineData("COPY d* /x/", "d = 1", "d2 = 1", false)]
    [InlineData("COPY --chmod=700 d /x/", "d/a 0644 = 1", "d/a 0640 = 1", true)]
    [InlineData("COPY --chmod=g-w d /x/", "d/a 0644 = 1", "d/a 0640 = 1", false)]
    [InlineData("COPY --chown=5 d /x/", "d/a 0644 1:1 = 1", "d/a 0644 2:2 = 1", true)]
    [InlineData("COPY d /x/", "d/ 0700", "d/ 0711", true)]
    public void Selection_digest_changes_with_what_the_layer_holds(string line, string before, string after, bool equal) =>
        Assert.Equal(equal, Selected(before, line) == Selected(after, line));

    [Fact]
    public void Selection_digest_does_not_know_times()
    {
        var later = new MemoryTree("a = 1");
        later.Replace("a", node => node with { ModifiedSeconds = 99 });
        CopyRequest request = CopyHarness.Parse("COPY a /");
        Assert.Equal(Selected("a = 1", "COPY a /"), SelectionDigest.Compute(CopyHarness.Select(later, request)));
    }

    [Fact]
    public void Selection_digest_knows_which_files_are_links_of_each_other()
    {
        Digest linked = SelectionDigest.Compute(
            CopyHarness.Select(new MemoryTree("d/a = 1", "d/b & d/a"), CopyHarness.Parse("COPY d /")));
        Digest apart = SelectionDigest.Compute(
            CopyHarness.Select(new MemoryTree("d/a = 1", "d/b = 1"), CopyHarness.Parse("COPY d /")));
        Assert.NotEqual(linked, apart);
    }

    [Theory]
    [InlineData("COPY a /app/", "app/ 0755", "app/ 0755,other = 1", true)]
    [InlineData("COPY a /app/", "app/ 0755", "app/ 0755,app/b = 1", true)]
    [InlineData("COPY a /app/", "app/ 0755", "app/ 0700", false)]
    [InlineData("COPY a /app/", "app/ 0755", "other = 1", false)]
    [InlineData("COPY a /app/", "app -> srv", "app -> opt", false)]
    [InlineData("COPY --link a /app/", "app/ 0755", "app -> opt", true)]
    [InlineData("COPY --chown=u a /app/", "etc/passwd = u:x:1:1:", "etc/passwd = v:x:2:2:\\nu:x:1:1:", true)]
    [InlineData("COPY --chown=u a /app/", "etc/passwd = u:x:1:1:", "etc/passwd = u:x:1:2:", false)]
    public void Destination_digest_changes_only_with_what_was_asked_of_the_parent(
        string line, string before, string after, bool equal) =>
        Assert.Equal(equal, Resolved(before, line) == Resolved(after, line));

    private static Digest Selected(string context, string line) =>
        SelectionDigest.Compute(CopyHarness.Select(new MemoryTree(context), CopyHarness.Parse(line)));

    private static Digest Resolved(string parent, string line)
    {
        CopySelection selection = CopyHarness.Select(new MemoryTree("a = 1"), CopyHarness.Parse(line));
        return DestinationResolution.Resolve(new MemoryTree(parent.Split(',')), selection).Digest;
    }
}

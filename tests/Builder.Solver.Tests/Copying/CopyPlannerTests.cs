// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Copying;
using Builder.Solver.Operations;
using Xunit;

namespace Builder.Solver.Tests.Copying;

/// <summary>What BuildKit was seen to do with the same line (the recorded conformance results).</summary>
public sealed class CopyPlannerTests
{
    private static readonly MemoryTree s_context = new(
        "foo.go 0600 = x", "bar.go 0600 = y", "run.sh 4755 = z", "sub/ 0700", "sub/dir1/ 0700", "sub/dir1/dir2/ 0700",
        "sub/dir1/dir2/foo 0600 = f", "link -> sub", "sub/lfile -> subfile", "sub/subfile 0600 = s", "sub/l1 -> second",
        "sub/second -> subfile", "outside -> ../../../foo.go", "x/a.txt = 1", "x/y/a.txt = 2", "x/y/b.txt = 3", "y/a.txt = 4",
        "hard/a = h", "hard/b & hard/a", "hard/d/c & hard/a", "hard-x = q", "sockets/s socket", "sockets/f = f");

    private static readonly MemoryTree s_parent = new(
        "tmp/ 1777", "etc/ 0755", "etc/passwd = root:x:0:0::/root:/bin/sh\\ndev:x:1001:1002::/home:/bin/sh\\n",
        "etc/group = root:x:0:\\nstaff:x:50:\\n", "usr/lib/ 0755 3:4", "lib -> usr/lib", "file = old", "into -> /usr/lib",
        "dangling -> /not/there", "tofile -> file", "app/sub/ 0711 7:7", "app/sub/keep = k", "app/x -> /tmp", "loop -> loop",
        "app/f/ 0755");

    [Theory]
    [InlineData("COPY foo.go /", "foo.go 0600")]
    [InlineData("COPY foo.go foo2.go", "foo2.go 0600")]
    [InlineData("COPY foo.go /a/b/", "a/ 0755\na/b/ 0755\na/b/foo.go 0600")]
    [InlineData("COPY foo.go /a/b", "a/ 0755\na/b 0600")]
    [InlineData("COPY *.go /g/", "g/ 0755\ng/bar.go 0600\ng/foo.go 0600")]
    [InlineData("COPY f*.go one.go", "one.go 0600")]
    [InlineData("COPY *.go /d", "d 0600")]
    [InlineData("COPY sub/dir1 /d", "d/ 0755\nd/dir2/ 0700\nd/dir2/foo 0600")]
    [InlineData("COPY sub/dir1/. /d", "d/ 0755\nd/dir2/ 0700\nd/dir2/foo 0600")]
    [InlineData("COPY sub/*/dir2/foo /d/", "d/ 0755\nd/foo 0600")]
    [InlineData("COPY sub/d* /d/", "d/ 0755\nd/dir2/ 0700\nd/dir2/foo 0600")]
    [InlineData("COPY nothing* /d/", "")]
    [InlineData("COPY nothing* foo.go /d/", "d/ 0755\nd/foo.go 0600")]
    [InlineData("COPY ../../foo.go /", "foo.go 0600")]
    [InlineData("COPY /foo.go /", "foo.go 0600")]
    [InlineData("COPY run.sh /", "run.sh 4755")]
    [InlineData("COPY outside /", "outside 0600")]
    [InlineData("COPY link/dir1/dir2/foo .", "foo 0600")]
    [InlineData("COPY sub/l* /l/", "l/ 0755\nl/l1 0600\nl/lfile 0600")]
    [InlineData("COPY sockets /s/", "s/ 0755\ns/f 0644")]
    [InlineData("COPY hard /h", "h/ 0755\nh/a 0644\nh/b 0644 & h/a\nh/d/ 0755\nh/d/c 0644 & h/a")]
    [InlineData("COPY hard/a hard/b /h/", "h/ 0755\nh/a 0644\nh/b 0644")]
    [InlineData("COPY <<one <<two foo.go /h/", "h/ 0755\nh/foo.go 0600\nh/one 0644\nh/two 0644")]
    [InlineData("COPY <<one /named", "named 0644")]
    public void Copy_onto_scratch(string line, string expected) => Assert.Equal(expected, Show(null, line));

    [Theory]
    [InlineData("COPY --parents x/a.txt y/a.txt /p/", "p/ 0755\np/x/ 0755\np/x/a.txt 0644\np/y/ 0755\np/y/a.txt 0644")]
    [InlineData("COPY --parents ./x/./y/*.txt /p/", "p/ 0755\np/y/ 0755\np/y/a.txt 0644\np/y/b.txt 0644")]
    [InlineData("COPY --parents ./x/./y/ /p/", "p/ 0755\np/y/ 0755\np/y/a.txt 0644\np/y/b.txt 0644")]
    [InlineData("COPY --parents sub/dir1/dir2/f* /p/", "p/ 0755\np/sub/ 0700\np/sub/dir1/ 0700\np/sub/dir1/dir2/ 0700\np/sub/dir1/dir2/foo 0600")]
    [InlineData("COPY --parents **/a.txt /p/", "p/ 0755\np/x/ 0755\np/x/a.txt 0644\np/x/y/ 0755\np/x/y/a.txt 0644\np/y/ 0755\np/y/a.txt 0644")]
    [InlineData("COPY --parents x/**/b.txt /p/", "p/ 0755\np/x/ 0755\np/x/y/ 0755\np/x/y/b.txt 0644")]
    [InlineData("COPY --parents x/none*/c /p/", "p/ 0755")]
    [InlineData("COPY --parents ./y/./ /p/", "p/ 0755\np/a.txt 0644")]
    public void Copy_keeps_parents(string line, string expected) => Assert.Equal(expected, Show(null, line));

    [Theory]
    [InlineData("COPY --exclude=dir2 sub/dir1 /d/", "d/ 0755")]
    [InlineData("COPY --exclude=**/b.txt --exclude=y/a* x /d/", "d/ 0755\nd/a.txt 0644\nd/y/ 0755")]
    [InlineData("COPY --exclude=y --exclude=!y/b.txt x /d/", "d/ 0755\nd/a.txt 0644\nd/y/ 0755\nd/y/b.txt 0644")]
    [InlineData("COPY --exclude=bar* *.go /d/", "d/ 0755\nd/foo.go 0600")]
    [InlineData("COPY --parents --exclude=**/b.txt x/./y /d/", "d/ 0755\nd/y/ 0755\nd/y/a.txt 0644")]
    public void Copy_leaves_out_what_is_excluded(string line, string expected) => Assert.Equal(expected, Show(null, line));

    [Theory]
    [InlineData("COPY foo.go /tmp", "tmp/ 1777\ntmp/foo.go 0600")]
    [InlineData("COPY foo.go lib/custom/x", "usr/ 0755\nusr/lib/ 0755 3:4\nusr/lib/custom/ 0755\nusr/lib/custom/x 0600")]
    [InlineData("COPY foo.go /into", "usr/ 0755\nusr/lib/ 0755 3:4\nusr/lib/foo.go 0600")]
    [InlineData("COPY foo.go /into/..", "foo.go 0600")]
    [InlineData("COPY foo.go /dangling/", "not/ 0755\nnot/there/ 0755\nnot/there/foo.go 0600")]
    [InlineData("COPY foo.go /dangling", "not/ 0755\nnot/there 0600")]
    [InlineData("COPY foo.go /tofile", "file 0600")]
    [InlineData("COPY foo.go /file", "file 0600")]
    [InlineData("COPY --link foo.go /into/", "into/ 0755\ninto/foo.go 0600")]
    [InlineData("COPY sub/dir1 /app/sub", "app/ 0755\napp/sub/ 0711 7:7\napp/sub/dir2/ 0700\napp/sub/dir2/foo 0600")]
    [InlineData("COPY --chown=99:99 sub/dir1 /app/sub", "app/ 0755\napp/sub/ 0711 7:7\napp/sub/dir2/ 0700 99:99\napp/sub/dir2/foo 0600 99:99")]
    [InlineData("COPY --chown=dev foo.go /n/", "n/ 0755 1001:1002\nn/foo.go 0600 1001:1002")]
    [InlineData("COPY --chown=1000:staff foo.go /", "foo.go 0600 1000:50")]
    [InlineData("COPY --chown=5 foo.go /", "foo.go 0600 5:5")]
    [InlineData("COPY --chmod=0 foo.go /n/", "n/ 0000\nn/foo.go 0000")]
    [InlineData("COPY --chmod=4711 foo.go /", "foo.go 4711")]
    [InlineData("COPY --chmod=u=rwX,go=rX sub /n/", "n/ 0755\nn/dir1/ 0755\nn/dir1/dir2/ 0755\nn/dir1/dir2/foo 0644\nn/l1 -> second\nn/lfile -> subfile\nn/second -> subfile\nn/subfile 0644")]
    [InlineData("COPY --chmod=a+x,g-r foo.go /", "foo.go 0711")]
    [InlineData("COPY --chmod=g=u,o= foo.go /", "foo.go 0660")]
    public void Copy_over_a_parent(string line, string expected) => Assert.Equal(expected, Show(s_parent, line));

    [Theory]
    [InlineData("COPY foo.go bar.go /d", "with more than one source the destination must be a directory")]
    [InlineData("COPY missing /d", "copy \"missing\" to \"/d\": source not found")]
    [InlineData("COPY foo.gp /d", "source not found")]
    [InlineData("COPY --parents x/nope /d", "source not found")]
    [InlineData("COPY foo.go /file/x", "make directory \"/file\": there is a file of that name")]
    [InlineData("COPY foo.go /loop/x", "too many symbolic links")]
    [InlineData("COPY --chown=nobody foo.go /", "find user \"nobody\": no such user in /etc/passwd")]
    [InlineData("COPY --chown=dev:nogroup foo.go /", "find group \"nogroup\"")]
    [InlineData("COPY --chmod=64a foo.go /", "invalid chmod parameter: '64a'. it should be octal string and between 0 and 07777")]
    [InlineData("COPY --chmod=10000 foo.go /", "invalid chmod parameter: '10000'")]
    [InlineData("COPY --chmod=u~x foo.go /", "invalid chmod parameter")]
    [InlineData("COPY [a foo.go /d/", "pattern")]
    public void Copy_that_cannot_be(string line, string message)
    {
        SolveException failure = Assert.Throws<SolveException>(() => CopyHarness.Plan(s_parent, s_context, line));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_and_directories_do_not_replace_each_other()
    {
        SolveException file = Assert.Throws<SolveException>(
            () => CopyHarness.Plan(s_parent, new MemoryTree("x/f = 1"), "COPY x /app"));
        Assert.Contains("cannot replace a directory by a file", file.Message, StringComparison.Ordinal);
        SolveException directory = Assert.Throws<SolveException>(
            () => CopyHarness.Plan(s_parent, new MemoryTree("x/x/ 0755"), "COPY x /app"));
        Assert.Contains("cannot replace a file by a directory", directory.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Directories_below_the_destination_get_the_metadata_of_the_source()
    {
        var context = new MemoryTree("only/sub/ 0700");
        Assert.Equal("app/ 0755\napp/sub/ 0700", CopyHarness.Show(CopyHarness.Plan(s_parent, context, "COPY only /app")));
    }

    [Fact]
    public void A_missing_source_says_what_was_meant_or_what_hides_it()
    {
        SolveException typo = Assert.Throws<SolveException>(() => CopyHarness.Plan(null, s_context, "COPY sub/dir3 /d"));
        Assert.Equal("did you mean \"sub/dir1\"?", typo.Hint);
        MemoryTree hidden = new MemoryTree("a = 1").Hide("secret", "excluded by .dockerignore line 3");
        SolveException ignored = Assert.Throws<SolveException>(() => CopyHarness.Plan(null, hidden, "COPY secret /d"));
        Assert.EndsWith("source not found (excluded by .dockerignore line 3)", ignored.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Directories_made_on_the_way_have_the_newest_time_of_the_sources_or_the_epoch()
    {
        var context = new MemoryTree("old = 1", "new = 2");
        context.Replace("new", node => node with { ModifiedSeconds = 2_000_000_000, ModifiedNanoseconds = 7 });
        LayerPlan plan = CopyHarness.Plan(null, context, "COPY old new <<doc /d/");
        Assert.Equal([2_000_000_000, 2_000_000_000, 2_000_000_000, MemoryTree.Time], plan.Entries.Select(e => e.Node.ModifiedSeconds));
        CopySelection selection = CopyHarness.Select(context, CopyHarness.Parse("COPY old /d/") with { Epoch = 5 });
        Assert.Equal([5, MemoryTree.Time], DestinationResolution.Resolve(null, selection).Plan.Entries.Select(e => e.Node.ModifiedSeconds));
    }

    [Fact]
    public void Entries_are_in_byte_order_and_links_point_backwards()
    {
        var context = new MemoryTree("d/a/x = 1", "d/a-b & d/a/x", "d/a.c & d/a/x");
        LayerPlan plan = CopyHarness.Plan(null, context, "COPY d /");
        Assert.Equal("a/ 0755\na-b 0644\na.c 0644 & a-b\na/x 0644 & a-b", CopyHarness.Show(plan));
    }

    private static string Show(MemoryTree? parent, string line) =>
        CopyHarness.Show(CopyHarness.Plan(parent, s_context, line));
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Files;
using Builder.Solver.Operations;
using Builder.Solver.Ports;
using Xunit;

namespace Builder.Solver.Tests.Copying;

public sealed class ArchivePlacementTests
{
    private static readonly MemoryTree s_context = new("t.tar 0600 = archive", "plain = text", "d/t.tar 0600 = archive");

    [Theory]
    [InlineData("ADD t.tar /", "dir/ 0775 9:9\ndir/f 4755 9:9")]
    [InlineData("ADD t.tar /out", "out/ 0755\nout/dir/ 0775 9:9\nout/dir/f 4755 9:9")]
    [InlineData("ADD t* plain /out/", "out/ 0755\nout/dir/ 0775 9:9\nout/dir/f 4755 9:9\nout/plain 0644")]
    [InlineData("ADD --chown=100:200 t.tar /out/", "out/ 0755 100:200\nout/dir/ 0775 100:200\nout/dir/f 4755 100:200")]
    [InlineData("ADD --unpack=false t.tar /", "t.tar 0600")]
    [InlineData("ADD d /", "t.tar 0600")]
    [InlineData("COPY t.tar /", "t.tar 0600")]
    public Task Add_unpacks_archives_that_are_named(string line, string expected) =>
        CheckAsync(null, new MemoryTree("dir/ 0775 9:9", "dir/f 4755 9:9 = x"), line, expected);

    [Fact]
    public Task A_member_replaces_a_directory_with_all_in_it() =>
        CheckAsync(new MemoryTree("one/a = 1"), new MemoryTree("one 0664 = x"), "ADD t.tar /", "one 0664");

    [Fact]
    public Task A_directory_replaces_a_file_and_a_link() =>
        CheckAsync(
            new MemoryTree("one = 1", "two -> /etc"), new MemoryTree("one/ 0775", "two/ 0700", "two/f = 2"), "ADD t.tar /",
            "one/ 0775\ntwo/ 0700\ntwo/f 0644");

    [Fact]
    public Task A_directory_that_is_only_implied_follows_the_links_of_the_image()
    {
        var archive = new MemoryTree("run/app/pid = 1");
        archive.Implied.Add("run");
        archive.Implied.Add("run/app");
        return CheckAsync(
            new MemoryTree("run -> /var/run", "var/run/ 0700 5:5"), archive, "ADD t.tar /",
            "var/ 0755\nvar/run/ 0700 5:5\nvar/run/app/ 0755\nvar/run/app/pid 0644");
    }

    private static async Task CheckAsync(MemoryTree? parent, MemoryTree archive, string line, string expected)
    {
        LayerPlan plan = await CopyHarness.PlanAddAsync(
            parent, s_context, line, new FixedArchive(archive), TestContext.Current.CancellationToken);
        Assert.Equal(expected, CopyHarness.Show(plan));
    }

    /// <summary>Files named *.tar are this archive.</summary>
    private sealed class FixedArchive(MemoryTree archive) : IRemoteSource
    {
        public bool IsGitUrl(string source) => false;

        public Task<FetchedFile> FetchAsync(RemoteFile file, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public bool IsArchive(IFileTree tree, string path) => path.EndsWith(".tar", StringComparison.Ordinal);

        public Task<IFileTree> UnpackAsync(IFileTree tree, string path, CancellationToken cancellationToken) =>
            Task.FromResult<IFileTree>(archive);
    }
}

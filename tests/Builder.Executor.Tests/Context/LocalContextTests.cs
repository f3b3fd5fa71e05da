// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Context;
using Builder.Frontend;
using Builder.Frontend.Ignore;
using Builder.Solver.Files;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Context;

public sealed class LocalContextTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Files_belong_to_root_and_keep_modes_times_and_link_texts()
    {
        string path = _directory.Write("d/run", "x");
        File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("4750", 8));
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddSeconds(1_485_449_953));
        File.CreateSymbolicLink(_directory["d/link"], "../nowhere");
        using LocalContext context = Open("");
        FileNode node = context.Find("d/run")!;
        Assert.Equal((Convert.ToInt32("4750", 8), 0u, 0u, 1L), (node.Mode, node.UserId, node.GroupId, node.Size));
        Assert.Equal(1_485_449_953, node.ModifiedSeconds);
        Assert.Equal("../nowhere", context.Find("d/link")!.LinkTarget);
        Assert.Equal(["link", "run"], context.List("d").Select(entry => entry.Name));
        Assert.Equal("sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", context.ContentDigest("d/run").ToString());
    }

    [Fact]
    public void Names_that_are_not_text_survive()
    {
        new Command("sh", "-c", "printf a > \"$(printf 'b\\377')\"").In(_directory.Path).Run().Succeeded();
        using LocalContext context = Open("");
        FileNode node = Assert.Single(context.List(""));
        Assert.Equal([(byte)'b', 0xFF], PathEncoding.Encode(node.Name));
        using Stream stream = context.Open(node.Name);
        Assert.Equal('a', stream.ReadByte());
    }

    [Theory]
    [InlineData("node_modules", "keep node_modules/", "keep")]
    [InlineData("*\n!a/b.txt", "a/b.txt a/c.txt d/e", "a a/b.txt")]
    [InlineData("**/*.log\n!important.log", "x.log a/y.log important.log", "a important.log")]
    [InlineData("a\n!a/b/c", "a/b/c/d a/b/x a/y", "a a/b a/b/c a/b/c/d")]
    public void Ignored_files_are_not_there(string ignore, string files, string expected)
    {
        foreach (string file in files.Split(' '))
        {
            if (file.EndsWith('/'))
            {
                Directory.CreateDirectory(_directory[file]);
            }
            else
            {
                _directory.Write(file, "");
            }
        }

        using LocalContext context = Open(ignore);
        Assert.Equal(expected.Split(' '), Walk(context, ""));
    }

    [Fact]
    public void What_hides_a_file_is_explained()
    {
        _directory.Write("logs/today", "");
        using LocalContext context = Open("# comment\n\nlogs");
        Assert.Null(context.Find("logs/today"));
        Assert.Equal("excluded by .dockerignore line 3", context.ExplainAbsence("logs/today")?.Text);
        Assert.Null(context.ExplainAbsence("nothing"));
    }

    [Fact]
    public void Links_are_followed_inside_the_context_only()
    {
        _directory.Write("in/etc/passwd", "inside");
        _directory.Write("outside", "secret");
        File.CreateSymbolicLink(_directory["in/absolute"], "/etc");
        File.CreateSymbolicLink(_directory["in/up"], "../../../etc");
        File.CreateSymbolicLink(_directory["in/out"], "../outside");
        using LocalContext context = Open("", "in");
        Assert.Equal("inside", Read(context, "absolute/passwd"));
        Assert.Equal("inside", Read(context, "up/passwd"));
        Assert.Equal(FileKind.Symlink, context.Find("out")!.Kind);
        Assert.Throws<ContextException>(() => context.Open("out"));
    }

    [Fact]
    public async Task A_directory_that_turns_into_a_link_leads_nowhere()
    {
        _directory.Write("in/d/f", "inside");
        _directory.Write("out/f", "secret");
        using var stop = new CancellationTokenSource();
        Task swapping = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Directory.Move(_directory["in/d"], _directory["in/e"]);
                File.CreateSymbolicLink(_directory["in/d"], "../out");
                File.Delete(_directory["in/d"]);
                Directory.Move(_directory["in/e"], _directory["in/d"]);
            }
        }, TestContext.Current.CancellationToken);
        int read = 0;
        for (int i = 0; i < 2000; i++)
        {
            using LocalContext context = Open("", "in");
            try
            {
                Assert.NotEqual("secret", Read(context, "d/f"));
                read++;
            }
            catch (ContextException)
            {
                // it was a link, or gone, at that moment
            }
        }

        await stop.CancelAsync();
        await swapping;
        Assert.NotEqual(0, read);
    }

    [Fact]
    public void A_file_that_changes_during_the_build_is_an_error()
    {
        _directory.Write("f", "one");
        using LocalContext context = Open("");
        Assert.NotNull(context.Find("f"));
        _directory.Write("f", "other");
        ContextException failure = Assert.Throws<ContextException>(() => context.ContentDigest("f"));
        Assert.Equal(ContextFailure.Changed, failure.Reason);
    }

    [Fact]
    public void Names_of_one_file_share_a_key_and_others_have_none()
    {
        _directory.Write("a", "x");
        _directory.Write("c", "x");
        new Command("ln", "a", "b").In(_directory.Path).Run().Succeeded();
        using LocalContext context = Open("");
        Assert.NotNull(context.Find("a")!.HardLinkKey);
        Assert.Equal(context.Find("a")!.HardLinkKey, context.Find("b")!.HardLinkKey);
        Assert.Null(context.Find("c")!.HardLinkKey);
    }

    [Fact]
    public void A_missing_context_is_named()
    {
        ContextException failure = Assert.Throws<ContextException>(() => Open("", "missing"));
        Assert.Contains("missing\": no such file or directory", failure.Message, StringComparison.Ordinal);
    }

    private LocalContext Open(string ignore, string below = "") => new(
        _directory[below], IgnoreMatcher.Parse(new SourceText(".dockerignore", ignore)), ".dockerignore", null, TimeProvider.System);

    private static string Read(LocalContext context, string path)
    {
        using var reader = new StreamReader(context.Open(path));
        return reader.ReadToEnd();
    }

    private static IEnumerable<string> Walk(LocalContext context, string directory)
    {
        foreach (FileNode node in context.List(directory))
        {
            string path = TreePath.Join(directory, node.Name);
            yield return path;
            foreach (string below in node.Kind == FileKind.Directory ? Walk(context, path) : [])
            {
                yield return below;
            }
        }
    }
}

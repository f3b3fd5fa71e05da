// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Ignore;
using CsCheck;
using Xunit;

namespace Builder.Frontend.Tests.Ignore;

public sealed class IgnoreMatcherTests
{
    [Theory]
    [InlineData("**", "file dir/file / a/", ".")]
    [InlineData("**/", "file a/b", "")]
    [InlineData("dir/**", "dir/file dir/dir2/file/", "dir dirx")]
    [InlineData("**/dir2/*", "dir/dir2/file dir/dir2/file/ dir2/x/y", "dir/dir2")]
    [InlineData("**/dir2/**", "dir/dir2/dir3/file/", "dir/dir2 dir2")]
    [InlineData("**file", "dir/file profile a/profile", "dir/file.txt")]
    [InlineData("**/file", "file dir/file", "dir/profile")]
    [InlineData("**/**/*.txt", "a.txt dir/dir/file.txt", "dir/dir/file.txt2")]
    [InlineData("a**/*.txt", "a/file.txt a/d/d/file.txt", "b/file.txt")]
    [InlineData("a/*.txt**", "a/file.txt a/file.txtx/y", "a/file")]
    [InlineData("abc?def", "abcxdef", "abcdef")]
    [InlineData("**/.foo", ".foo a/.foo", "bar.foo")]
    [InlineData("a.|)$(}+{bc", "a.|)$(}+{bc", "a.b")]
    [InlineData("docs\n!docs/README.md  ", "docs docs/x", "docs/README.md")]
    [InlineData("docs\n  !docs/README.md", "docs/x", "docs/README.md")]
    [InlineData("**\n!util/docker/web", "util util/docker", "util/docker/web util/docker/web/foo")]
    [InlineData("/abs/path\n./rel\na/../b//c/", "abs/path/f rel b/c/d", "abs a")]
    [InlineData("#c\n #c\n  x y", "#c | x y/z", "")]
    [InlineData("exclude\n! exclude/z", "exclude/a", "exclude/z")]
    [InlineData("!x\nx", "x x/y", "")]
    [InlineData("ignore/**\n!ignore/foo", "ignore/bar", "ignore ignore/foo ignore/foo/a")]
    [InlineData("stuff/huge/*\n!stuff/huge/usr/bin/*", "stuff/huge/usr stuff/huge/usr/lib", "stuff/huge/usr/bin/file1")]
    [InlineData("*\ntest*\n!test2*\nsubdir\n!*/sub1*", "test1.txt subdir subdir/sub2.txt", "test2.txt subdir/sub1.txt")]
    public void Patterns_decide_as_in_docker(string lines, string ignored, string kept)
    {
        IgnoreMatcher matcher = Parse(lines);

        Assert.All(SplitPaths(ignored), path => Assert.True(matcher.IsIgnored(path), path));
        Assert.All(SplitPaths(kept), path => Assert.False(matcher.IsIgnored(path), path));
    }

    [Fact]
    public void A_negation_of_a_parent_does_not_reach_a_child_excluded_by_an_earlier_line()
    {
        // BuildKit's walk asks each pattern about the directory only when it could change the directory's verdict.
        IgnoreMatcher matcher = Parse("foo/bar\n!foo");

        Assert.True(matcher.IsIgnored("foo/bar"));
        Assert.False(matcher.IsIgnored("foo"));
    }

    [Fact]
    public void The_deciding_line_is_the_one_in_the_file()
    {
        IgnoreMatcher matcher = Parse("\uFEFF# comment\r\n\r\n*.log\r\n!keep.log\r\nbuild\r\n");

        Assert.Equal(3, matcher.DecidingLine("a.log"));
        Assert.Equal(4, matcher.DecidingLine("keep.log"));
        Assert.Equal(5, matcher.DecidingLine("build/x/y"));
        Assert.Null(matcher.DecidingLine("src/a.c"));
    }

    [Fact]
    public void All_malformed_lines_are_reported_with_their_place()
    {
        DockerfileException failure = Assert.Throws<DockerfileException>(() => Parse("ok\n[\n\na\\\n"));

        Assert.Equal([2, 4], failure.Diagnostics.Select(diagnostic => diagnostic.Span!.Value.Start.Line));
        Assert.Throws<DockerfileException>(() => Parse("!\n"));
        Assert.Throws<FormatException>(() => IgnoreMatcher.FromPatterns(["a", "! "]));
    }

    [Theory]
    [InlineData("node_modules", "node_modules", false)]
    [InlineData("*\n!src", "node_modules", false)]
    [InlineData("*\n!src/x", "src", true)]
    [InlineData("*\n!src/*/x", "src/a", true)]
    [InlineData("*\n!src/*/x", "src/a/b", false)]
    [InlineData("*\n!**/*.md", "a/b", true)]
    [InlineData("!src\n*", "src", false)]
    public void An_excluded_directory_is_entered_only_when_a_negation_can_reach_into_it(
        string lines, string directory, bool expected) =>
        Assert.Equal(expected, Parse(lines).MayIncludeBelow(directory));

    [Fact]
    public void Verdicts_equal_the_oracle() =>
        Gen.Select(s_patterns, PatternGenerators.Path.Array[1, 8]).Sample(
            (patterns, paths) =>
            {
                var matcher = IgnoreMatcher.FromPatterns([.. patterns]);
                string[] cleaned = [.. patterns.Select(Clean)];
                Assert.All(paths, path => Assert.Equal(PatternOracle.IsIgnored(cleaned, path), matcher.IsIgnored(path)));
            },
            iter: 5_000);

    [Fact]
    public void A_walk_with_scopes_and_pruning_finds_the_same_as_asking_for_every_path() =>
        Gen.Select(s_patterns, PatternGenerators.Path.Array[1, 30]).Sample(
            (patterns, paths) =>
            {
                var matcher = IgnoreMatcher.FromPatterns([.. patterns]);
                foreach (string path in paths)
                {
                    Assert.Equal(!matcher.IsIgnored(path), Walk(matcher, path));
                }
            },
            iter: 5_000);

    [Fact]
    public void More_than_64_patterns_keep_their_state()
    {
        ImmutableArray<string> patterns = [.. Enumerable.Range(0, 130).Select(i => $"d{i}"), "!d129/keep"];
        var matcher = IgnoreMatcher.FromPatterns(patterns);

        Assert.True(matcher.IsIgnored("d129/x/y"));
        Assert.False(matcher.IsIgnored("d129/keep/y"));
        Assert.Equal(130, matcher.DecidingLine("d129/x"));
    }

    [Fact]
    public void Fifty_thousand_paths_and_fifty_patterns_take_next_to_no_memory()
    {
        string[] forms = ["**/*.p{0}", "dir{0}/*/cache", "**/node{0}", "a{0}*/**/tmp?", "build{0}/**"];
        var matcher = IgnoreMatcher.FromPatterns(
            [.. Enumerable.Range(0, 50).Select(i => forms[i % 5].Replace("{0}", $"{i}", StringComparison.Ordinal))]);
        string[] paths = [.. Enumerable.Range(0, 50_000).Select(i => $"src/pkg{i / 1000}/module{i / 50}/file{i}.cs")];
        matcher.IsIgnored(paths[0]);

        IgnoreScope parent = matcher.Enter("src", default);
        long before = GC.GetAllocatedBytesForCurrentThread();
        int ignored = 0;
        foreach (string path in paths)
        {
            ignored += matcher.IsIgnored(path.AsSpan(), parent) ? 1 : 0;
        }

        Assert.Equal(0, ignored);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * paths.Length);
    }

    private static readonly Gen<string[]> s_patterns =
        Gen.Select(Gen.Bool, PatternGenerators.DeepText, (isNegated, text) => isNegated || text.Trim() is "" or ['!', ..] ? "!x" + text : text).Array[1, 6];

    private static string Clean(string pattern) => pattern[0] == '!'
        ? "!" + LexicalPath.Clean(pattern[1..].Trim()).TrimStart('/')
        : LexicalPath.Clean(pattern.Trim()).TrimStart('/');

    private static bool Walk(IgnoreMatcher matcher, string path)
    {
        IgnoreScope scope = default;
        for (int end = path.IndexOf('/'); end >= 0; end = path.IndexOf('/', end + 1))
        {
            scope = matcher.Enter(path.AsSpan(0, end), scope);
            if (scope.IsIgnored && !matcher.MayIncludeBelow(path.AsSpan(0, end), scope))
            {
                return false;
            }
        }

        return !matcher.IsIgnored(path.AsSpan(), scope);
    }

    private static IgnoreMatcher Parse(string text) => IgnoreMatcher.Parse(new SourceText(".dockerignore", text));

    private static string[] SplitPaths(string paths) =>
        paths.Contains(" | ", StringComparison.Ordinal)
            ? paths.Split(" | ")
            : paths.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}

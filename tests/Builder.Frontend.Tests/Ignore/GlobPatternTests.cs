// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Ignore;
using Builder.TestSupport;
using CsCheck;
using Xunit;

namespace Builder.Frontend.Tests.Ignore;

public sealed class GlobPatternTests
{
    [Theory]
    [InlineData("abc", "abc", true)]
    [InlineData("*", "abc", true)]
    [InlineData("*c", "abc", true)]
    [InlineData("a*", "ab/c", false)]
    [InlineData("a*/b", "abc/b", true)]
    [InlineData("a*/b", "a/c/b", false)]
    [InlineData("a*b*c*d*e*/f", "axbxcxdxexxx/f", true)]
    [InlineData("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false)]
    [InlineData("a*b?c*x", "abxbbxdbxebxczzx", true)]
    [InlineData("a*b?c*x", "abxbbxdbxebxczzy", false)]
    [InlineData("ab[b-d]", "abc", true)]
    [InlineData("ab[^b-d]", "abc", false)]
    [InlineData("a\\*b", "a*b", true)]
    [InlineData("a\\*b", "ab", false)]
    [InlineData("a?b", "a☺b", true)]
    [InlineData("a?b", "a😀b", true)]
    [InlineData("a[^a]b", "a😀b", true)]
    [InlineData("a???b", "a☺b", false)]
    [InlineData("[a-ζ]*", "α", true)]
    [InlineData("a?b", "a/b", false)]
    [InlineData("[\\]a]", "]", true)]
    [InlineData("[x\\-]", "-", true)]
    [InlineData("[x\\-]", "z", false)]
    [InlineData("*x", "xxx", true)]
    [InlineData("[!a]", "!", true)]
    [InlineData("arr[[]0].txt", "arr[0].txt", true)]
    [InlineData("x[^y]z", "x/z", true)]
    [InlineData("**/x", "a/b/x", false)]
    [InlineData("**", "ab", true)]
    [InlineData("*.o", "a\\b.o", true)]
    public void A_pattern_of_COPY_means_what_Go_says(string pattern, string path, bool expected) =>
        Assert.Equal(expected, GlobPattern.Parse(pattern).IsMatch(path));

    [Fact]
    public void A_byte_that_is_not_UTF8_is_one_character() =>
        Assert.True(GlobPattern.Parse("a?b").IsMatch("a\udc80b"));

    [Theory]
    [InlineData("[")]
    [InlineData("[^")]
    [InlineData("[^bc")]
    [InlineData("a[")]
    [InlineData("[]a]")]
    [InlineData("[-]")]
    [InlineData("[x-]")]
    [InlineData("[-x]")]
    [InlineData("[a-b-c]")]
    [InlineData("a\\")]
    [InlineData("[a\\")]
    [InlineData("[a-")]
    [InlineData("a/[]")]
    public void A_malformed_pattern_is_refused_whatever_it_is_matched_with(string pattern)
    {
        Assert.Contains(pattern, Assert.Throws<FormatException>(() => GlobPattern.Parse(pattern)).Message);
        Assert.Throws<FormatException>(() => GlobPattern.ParseDeep(pattern));
    }

    [Theory]
    [InlineData("src/*.c", true, "src")]
    [InlineData("a/b\\*/c?", true, "a/b*")]
    [InlineData("*", true, "")]
    [InlineData("a/b", false, "a/b")]
    [InlineData("a\\[b", false, "a[b")]
    public void The_fixed_part_of_a_pattern_is_known(string pattern, bool hasWildcards, string expected)
    {
        GlobPattern glob = GlobPattern.Parse(pattern);

        Assert.Equal(hasWildcards, glob.HasWildcards);
        Assert.Equal(expected, glob.Base);
    }

    [Fact]
    public void Matching_equals_the_oracle() =>
        Gen.Select(PatternGenerators.GlobText, PatternGenerators.Path).Sample(
            (pattern, path) => Assert.Equal(
                PatternOracle.MatchesGlob(pattern, path), GlobPattern.Parse(pattern).IsMatch(path)),
            iter: 20_000);

    [Fact]
    public void Deep_matching_equals_the_oracle() =>
        Gen.Select(PatternGenerators.DeepText, PatternGenerators.Path).Sample(
            (pattern, path) => Assert.Equal(
                PatternOracle.MatchesDeep(pattern, path), GlobPattern.ParseDeep(pattern).IsMatch(path)),
            iter: 20_000);

    [Fact]
    public void The_library_and_our_own_matching_of_names_agree() =>
        Gen.Select(PatternGenerators.NamePattern, Gen.Char["ab.*[]-^!A19é {}(),~$#+=@%&'\";:<>|_`"].Array[0, 6].Select(name => new string(name))).Sample(
            (pattern, name) =>
            {
                var compiled = new NamePattern(GlobReader.Read(pattern, isDeep: false).AsSpan());
                Assert.Equal(compiled.MatchTokens(name), compiled.IsMatch(name));
            },
            iter: 100_000);

    [Theory]
    [InlineData("*.pyc", true)]
    [InlineData("a*b?c", true)]
    [InlineData("[abc]*", true)]
    [InlineData("file\\[1*", true)]
    [InlineData("[^a]*", false)]
    [InlineData("a*a*a*a*b", false)]
    public void The_library_matches_what_it_reads_as_Go_does(string pattern, bool expected) =>
        Assert.Equal(expected, new NamePattern(GlobReader.Read(pattern, isDeep: false).AsSpan()).UsesGlob);

    [Fact]
    public void A_directory_that_cannot_lead_to_a_match_is_known()
    {
        GlobPattern pattern = GlobPattern.ParseDeep("src/*/obj/**/x?");

        Assert.True(pattern.MayMatchBelow(""));
        Assert.True(pattern.MayMatchBelow("src"));
        Assert.True(pattern.MayMatchBelow("src/a/obj/b/c"));
        Assert.False(pattern.MayMatchBelow("doc"));
        Assert.False(pattern.MayMatchBelow("src/a/bin"));
    }

    [Fact]
    public void No_match_is_found_below_a_directory_that_was_ruled_out() =>
        Gen.Select(PatternGenerators.DeepText, PatternGenerators.Path).Sample((pattern, path) =>
        {
            GlobPattern glob = GlobPattern.ParseDeep(pattern);
            int end = path.LastIndexOf('/');
            Assert.True(end < 0 || !glob.IsMatch(path) || glob.MayMatchBelow(path.AsSpan(0, end)));
        });

    [Theory]
    [InlineData("*a*a*a*a*a*a*a*a*a*a*a*a*b", 'a')]
    [InlineData("**/a/**/a/**/a/**/a/**/a/**/a/**/b", '/')]
    [InlineData("x**a**a**a**a**a**a**a**a[^x]b", 'a')]
    public void A_hostile_pattern_takes_no_exponential_time(string pattern, char filler)
    {
        string path = filler == '/' ? string.Join('/', Enumerable.Repeat("a", 2000)) : new string(filler, 4000);

        Assert.False(HangGuard.Run(() => GlobPattern.ParseDeep(pattern).IsMatch(path)));
    }
}

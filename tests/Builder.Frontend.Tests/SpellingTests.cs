// SPDX-License-Identifier: Apache-2.0

using Xunit;

namespace Builder.Frontend.Tests;

public sealed class SpellingTests
{
    [Theory]
    [InlineData("bulid", "build")]
    [InlineData("buld", "build")]
    [InlineData("tmp", "tmpfs")]
    [InlineData("EOF", null)]
    [InlineData("build", null)]
    [InlineData("something", null)]
    [InlineData("", null)]
    public void Suggestion_is_near(string word, string? expected) =>
        Assert.Equal(expected, Spelling.Suggest(word, ["build", "tmpfs", "ENV"]));

    [Fact]
    public void Nearest_candidate_wins() => Assert.Equal("target", Spelling.Suggest("targt", ["taggt1", "target", "largest"]));

    [Fact]
    public void Case_counts_unless_told_otherwise()
    {
        Assert.Equal("COPY", Spelling.Suggest("cpoy", ["COPY"], ignoreCase: true));
        Assert.Null(Spelling.Suggest("copy", ["COPY"]));
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Cli.Output;
using Xunit;

namespace Builder.Cli.Tests.Output;

public sealed class HumanTextTests
{
    [Theory]
    [InlineData(0, "0B")]
    [InlineData(999, "999B")]
    [InlineData(1000, "1kB")]
    [InlineData(1_536, "1.54kB")]
    [InlineData(145_300_000, "145MB")]
    [InlineData(999_999, "1000kB")]
    [InlineData(1_250_000_000, "1.25GB")]
    public void Sizes_have_three_digits(long bytes, string expected) => Assert.Equal(expected, HumanText.Size(bytes));

    [Theory]
    [InlineData(0.4, "Less than a second")]
    [InlineData(1, "1 second")]
    [InlineData(59, "59 seconds")]
    [InlineData(61, "About a minute")]
    [InlineData(150, "2 minutes")]
    [InlineData(3700, "About an hour")]
    [InlineData(3600 * 47, "47 hours")]
    [InlineData(3600 * 24 * 3, "3 days")]
    [InlineData(3600 * 24 * 20, "2 weeks")]
    [InlineData(3600 * 24 * 100, "3 months")]
    [InlineData(3600.0 * 24 * 800, "2 years")]
    public void Durations_are_words(double seconds, string expected) =>
        Assert.Equal(expected, HumanText.Duration(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Commands_and_times_are_written_as_docker_writes_them()
    {
        Assert.Equal("sh -c 'echo \"x y\"'", HumanText.CommandLine(["sh", "-c", "echo \"x y\""]));
        Assert.Equal("\"a \\\"b\\\" \\\\ \\n\"", HumanText.Quote("a \"b\" \\ \n"));
        Assert.Equal(
            "2026-11-26 00:45:09 +0000 UTC",
            HumanText.Timestamp(new DateTimeOffset(2026, 11, 26, 1, 45, 9, TimeSpan.FromHours(1))));
    }

    [Fact]
    public void Columns_are_three_blanks_apart_and_lines_have_no_trailing_blanks()
    {
        TextTable table = new("REPOSITORY", "TAG");
        table.Add("mi-app", "dev");
        table.Add("añadido-largo", "");
        using StringWriter writer = new();
        table.Write(writer);
        Assert.Equal("REPOSITORY      TAG\nmi-app          dev\nañadido-largo\n", writer.ToString());
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Frontend.Instructions;
using Builder.TestSupport;
using Xunit;

namespace Builder.Frontend.Tests.Parsing;

public sealed class DockerfileParserTests
{
    [Fact]
    public void Trigger_is_parsed_with_its_heredoc()
    {
        var run = Assert.IsType<RunInstruction>(DockerfileParser.ParseTrigger("RUN <<-EOF\n\techo\nEOF", "base:1"));
        Assert.True(run.IsFromOnBuild);
        Assert.Equal("echo\n", Assert.Single(run.Heredocs).Content);
    }

    [Theory]
    [InlineData("FROM x", "FROM isn't allowed as an ONBUILD trigger")]
    [InlineData("ONBUILD RUN x", "Chaining ONBUILD")]
    [InlineData("RUN a\nRUN b", "a single instruction")]
    [InlineData("", "a single instruction")]
    [InlineData("COPY --nope a b", "unknown flag: --nope")]
    public void Wrong_trigger_names_the_image(string trigger, string message)
    {
        var failure = Assert.Throws<DockerfileException>(() => DockerfileParser.ParseTrigger(trigger, "base:1"));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Contains("base:1", failure.Dockerfile!.Name, StringComparison.Ordinal);
    }

    [Fact]
    public void Longest_line_is_counted_in_bytes()
    {
        const int Prefix = 8; // "LABEL a="
        DockerfileParser.Parse(new SourceText("x", "FROM x\nLABEL a=" + new string('b', 65_535 - Prefix) + "\r\n"));
        Assert.Throws<DockerfileException>(() =>
            DockerfileParser.Parse(new SourceText("x", "FROM x\nLABEL a=" + new string('b', 65_536 - Prefix))));
        Assert.Throws<DockerfileException>(() =>
            DockerfileParser.Parse(new SourceText("x", "FROM x\nLABEL a=" + new string('é', 33_000))));
    }

    [Fact]
    public void Joined_line_may_be_longer_than_a_physical_one()
    {
        string text = "FROM x\nRUN true" + string.Concat(Enumerable.Repeat(" \\\n && " + new string('x', 60_000), 10));
        var run = (RunInstruction)DockerfileParser.Parse(new SourceText("x", text)).Stages[0].Instructions[0];
        Assert.True(((ShellForm)run.Command).CommandLine.Length > 600_000);
    }

    [Fact]
    public void Errors_stop_at_a_limit()
    {
        string text = "FROM x\n" + string.Concat(Enumerable.Repeat("COPY a\n", 1000));
        Assert.Equal(20, Assert.Throws<DockerfileException>(() => DockerfileParser.Parse(new SourceText("x", text))).Diagnostics.Length);
    }

    [Theory]
    [InlineData("RUN ", "<<a ", "\n", "a\n")]
    [InlineData("COPY ", "<<a ", "/x\n", "a\n")]
    [InlineData("ENV ", "a=1 ", "\n", "")]
    [InlineData("ENV a=", "''", "\n", "")]
    [InlineData("ENV a=", "\\x", "\n", "")]
    [InlineData("COPY ", "a ", "\n", "")]
    [InlineData("COPY ", "--exclude=a ", "a b\n", "")]
    [InlineData("CMD ", "[", "\n", "")]
    [InlineData("CMD [\"", "\\n", "\"]\n", "")]
    [InlineData("ENV x=1", "\\\n a=1 ", "\n", "")]
    [InlineData("", "ONBUILD ", "\n", "")]
    public void Hostile_texts_take_linear_time(string start, string part, string end, string after)
    {
        int count = 64_000 / part.Length;
        var text = new StringBuilder("FROM x\n").Append(start);
        text.Insert(text.Length, part, count).Append(end).Insert(text.Length, after, count);
        Assert.True(HangGuard.Run(() =>
        {
            try
            {
                DockerfileParser.Parse(new SourceText("x", text.ToString()));
            }
            catch (DockerfileException)
            {
                // Refusing is as good as an answer.
            }

            return true;
        }));
    }

    [Fact]
    public void Ten_thousand_lines_cost_ten_times_what_a_thousand_do()
    {
        ParsedBytes(1_000);
        long thousand = ParsedBytes(1_000);

        // Memory stands for work: it does not depend on the machine. bench/ has the times.
        Assert.InRange(ParsedBytes(10_000), thousand, 12 * thousand);
    }

    private static long ParsedBytes(int lines)
    {
        var text = new SourceText("x", "FROM x\n" + string.Concat(Enumerable.Repeat(
            "RUN a && b\nENV A=1 B=\"two words\"\nCOPY --from=x --chown=1:2 a b /c/\nCMD [\"a\", \"b\"]\nLABEL a.b=c\n", lines / 5)));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(lines, DockerfileParser.Parse(text).Stages[0].Instructions.Length);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;
using Xunit;

namespace Builder.Cli.Tests.CommandLine;

public sealed class ArgumentNormalizerTests
{
    public static TheoryData<string[], string[]> Forms => new()
    {
        { ["-it", "image"], ["--interactive=true", "--tty=true", "--", "image"] },
        { ["-p80:80", "image"], ["--publish=80:80", "--", "image"] },
        { ["-itp", "80:80", "image"], ["--interactive=true", "--tty=true", "--publish=80:80", "--", "image"] },
        { ["-e=A=B", "image"], ["--env=A=B", "--", "image"] },
        { ["--env", "A=B", "image"], ["--env=A=B", "--", "image"] },
        { ["--env=A=B=C", "image"], ["--env=A=B=C", "--", "image"] },
        { ["--env", "-x", "image"], ["--env=-x", "--", "image"] },
        { ["--env=", "image"], ["--env", "", "--", "image"] },
        { ["--rm=false", "image"], ["--rm=false", "--", "image"] },
        { ["--rm=0", "image"], ["--rm=false", "--", "image"] },
        { ["image", "ls", "-it", "--rm"], ["--", "image", "ls", "-it", "--rm"] },
        { ["--rm", "--", "image", "--x"], ["--rm=true", "--", "image", "--x"] },
        { ["--rm", "image", "--", "x"], ["--rm=true", "--", "image", "--", "x"] },
        { ["--rm", "-"], ["--rm=true", "--", "-"] },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Arguments_come_out_as_docker_reads_them(string[] arguments, string[] expected) =>
        Assert.Equal(expected, Normalize(arguments, stops: true));

    [Fact]
    public void The_last_value_of_an_option_counts()
    {
        Command command = new("build")
        {
            OptionFactory.Text("--target", "", ""),
            OptionFactory.Flag("--pull", ""),
            OptionFactory.List("--tag", "", "", "-t"),
        };
        Assert.Equal(
            ["--target", "", "--tag=1", "--pull=false", "--tag=2", "--"],
            ArgumentNormalizer.Normalize(
                command, [], ["--target", "a", "-t", "1", "--pull", "--target=b", "--pull=false", "-t", "2", "--target="], false));
    }

    [Fact]
    public void Flags_after_operands_count_unless_the_rest_belongs_to_the_operand() =>
        Assert.Equal(["--rm=true", "--", "a", "b"], Normalize(["a", "--rm", "b"], stops: false));

    [Theory]
    [InlineData("--pubish", "unknown flag: --pubish", "did you mean --publish?")]
    [InlineData("--rm=maybe", "not true or false", null)]
    [InlineData("--publish", "flag needs an argument: --publish", null)]
    [InlineData("-iz", "unknown shorthand flag: 'z' in -iz", "run 'bld run --help' for a list")]
    [InlineData("--memory-swap=1g", "bld does not have this flag", "bld limits by --memory, --cpus, --pids-limit and --ulimit: for others limit the job or pod that it runs in")]
    public void Mistakes_are_named(string argument, string message, string? hint)
    {
        UsageException failure = Assert.Throws<UsageException>(() => Normalize([argument], stops: true));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Equal(hint, failure.Hint);
    }

    private static List<string> Normalize(string[] arguments, bool stops)
    {
        Command command = new("run")
        {
            OptionFactory.Flag("--interactive", "", "-i"),
            OptionFactory.Flag("--tty", "", "-t"),
            OptionFactory.Flag("--rm", ""),
            OptionFactory.List("--publish", "", "", "-p"),
            OptionFactory.List("--env", "", "", "-e"),
        };
        return ArgumentNormalizer.Normalize(command, [], arguments, stops);
    }
}

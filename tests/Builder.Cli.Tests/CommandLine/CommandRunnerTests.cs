// SPDX-License-Identifier: Apache-2.0

using Builder.Cli.CommandLine;
using Builder.Cli.Commands;
using Xunit;

namespace Builder.Cli.Tests.CommandLine;

public sealed class CommandRunnerTests
{
    [Theory]
    [InlineData(2, "unknown command: bld verson", "verson")]
    [InlineData(2, "did you mean 'bld image ls'?", "image", "lss")]
    [InlineData(2, "unknown flag: --nope", "images", "--nope")]
    [InlineData(125, "unknown flag: --nope", "run", "--nope", "image")]
    [InlineData(125, "flag needs an argument: --name", "run", "--name")]
    [InlineData(2, "the argument TARGET is missing", "tag", "one")]
    public async Task A_wrong_command_line_says_why_and_has_its_own_status(int status, string message, params string[] arguments)
    {
        using TestCli cli = new();
        Assert.Equal(status, await cli.RunAsync(arguments));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
        Assert.Equal("", cli.Output);
    }

    [Fact]
    public async Task Every_verb_has_help_and_no_two_options_of_a_verb_share_a_name()
    {
        foreach ((Verb verb, string[] path) in Walk(CommandTable.Verbs, []))
        {
            using TestCli cli = new();
            Assert.Equal(0, await cli.RunAsync([.. path, "--help"]));
            Assert.Contains("Usage:", cli.Output, StringComparison.Ordinal);
            if (verb.Create is { } create)
            {
                string[] names = [.. create(cli.Context, new GlobalOptions()).Options
                    .Concat(new GlobalOptions().All).SelectMany(option => option.Aliases.Prepend(option.Name))];
                Assert.Equal(names.Distinct().Order(), names.Order());
            }
        }
    }

    [Fact]
    public async Task A_template_may_be_given_to_version() =>
        Assert.Equal("linux\n", await OutputOf("version", "--format", "{{.Os}}"));

    [Theory]
    [InlineData("--root", "/x", "version", "--format", "{{.Os}}")]
    [InlineData("version", "--root=/x", "--format={{.Os}}")]
    public async Task Global_options_stand_before_or_after_the_verb(params string[] arguments) =>
        Assert.Equal("linux\n", await OutputOf(arguments));

    [Fact]
    public async Task Words_are_expanded_from_the_given_variables_only() =>
        Assert.Equal("a\nb-1\n", await OutputOf("debug", "words", "--env", "x=1", "a b-$x$HOME"));

    private static async Task<string> OutputOf(params string[] arguments)
    {
        using TestCli cli = new();
        Assert.Equal(0, await cli.RunAsync(arguments));
        return cli.Output;
    }

    private static IEnumerable<(Verb Verb, string[] Path)> Walk(IEnumerable<Verb> verbs, string[] parents) =>
        verbs.SelectMany(verb => Walk(verb.Children, [.. parents, verb.Name]).Prepend((verb, [.. parents, verb.Name])));
}

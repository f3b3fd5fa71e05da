// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;
using Builder.Solver.Progress;
using Xunit;

namespace Builder.Solver.Tests.Building;

public sealed class CheckTests
{
    private readonly TestBuild _build = new();

    public CheckTests()
    {
        _build.AddImage("base", config => config with { Env = ["PATH=/bin", "KNOWN=1"] });
    }

    [Fact]
    public async Task Findings_are_reported_once_and_the_build_goes_on()
    {
        BuildResult result = await _build.SolveAsync(
            TestBuild.Request("FROM base\nENV a=$KNOWN b=$KNWON\nRUN x\n"));

        Diagnostic finding = Assert.Single(result.Warnings);
        Assert.Equal("Usage of undefined variable '$KNWON' (did you mean $KNOWN?)", finding.Message);
        Assert.Same(finding, Assert.Single(_build.Events.OfType<BuildWarned>()).Diagnostic);
        Assert.Single(_build.Executed);
    }

    [Fact]
    public async Task With_error_true_nothing_runs()
    {
        SolveException failure = await _build.FailAsync<SolveException>(
            "# check=error=true\nFROM base\nMAINTAINER me\nRUN x\n");

        Assert.Equal("lint violation found for rules: MaintainerDeprecated", failure.Message);
        Assert.Equal(3, failure.Location!.Value.Start.Line);
        Assert.Empty(_build.Executed);
    }

    [Fact]
    public async Task The_build_arg_replaces_the_directive() =>
        await _build.BuildAsync(
            "# check=error=true\nFROM base\nMAINTAINER me\n",
            request => request with { BuildArgs = [new("BUILDKIT_DOCKERFILE_CHECK", "skip=all")] });

    [Fact]
    public async Task A_stage_that_the_target_does_not_need_is_not_checked()
    {
        BuildResult result = await _build.SolveAsync(
            TestBuild.Request("FROM base AS other\nMAINTAINER me\nFROM base\nRUN x\n"));

        Assert.Empty(result.Warnings);
    }
}

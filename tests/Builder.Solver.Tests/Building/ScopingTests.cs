// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Images;
using Builder.Solver.Progress;
using Xunit;

namespace Builder.Solver.Tests.Building;

/// <summary>What variables mean where: each Dockerfile sets the label <c>v</c> or runs <c>env</c>.</summary>
public sealed class ScopingTests
{
    private readonly TestBuild _build = new();

    public ScopingTests() => _build.AddImage("base", config => config with { Env = ["PATH=/bin", "FROMBASE=b"] });

    [Theory]
    [InlineData("global ARG is unknown in a stage", "ARG V=g\nFROM base\nLABEL v=[$V]", "[]")]
    [InlineData("ARG without value takes the global one", "ARG V=g\nFROM base\nARG V\nLABEL v=[$V]", "[g]")]
    [InlineData("ARG with value hides the global one", "ARG V=g\nFROM base\nARG V=s\nLABEL v=[$V]", "[s]")]
    [InlineData("build arg wins over a default", "FROM base\nARG GIVEN=s\nLABEL v=[$GIVEN]", "[given]")]
    [InlineData("build arg wins over a global default", "ARG GIVEN=g\nFROM base\nARG GIVEN\nLABEL v=[$GIVEN]", "[given]")]
    [InlineData("build arg without ARG is unknown", "FROM base\nLABEL v=[$GIVEN]", "[]")]
    [InlineData("ENV after ARG wins", "FROM base\nARG V=a\nENV V=e\nLABEL v=[$V]", "[e]")]
    [InlineData("ARG after inherited ENV wins", "FROM base\nARG FROMBASE=a\nLABEL v=[$FROMBASE]", "[a]")]
    [InlineData("ARG without value leaves inherited ENV", "FROM base\nARG FROMBASE\nLABEL v=[$FROMBASE]", "[b]")]
    [InlineData("ARG passes on to a stage that starts from it", "FROM base AS x\nARG V=a\nFROM x\nLABEL v=[$V]", "[a]")]
    [InlineData("ENV values see the environment from before", "FROM base\nENV V=1\nENV V=2 W=$V\nLABEL v=[$W]", "[1]")]
    [InlineData("several ARGs see those before them", "FROM base\nARG A=1 B=$A$A\nLABEL v=[$B]", "[11]")]
    [InlineData("global ARGs see those before them", "ARG A=1\nARG B=x$A\nFROM base\nARG B\nLABEL v=[$B]", "[x1]")]
    [InlineData("platform arguments need a declaration", "FROM base\nLABEL v=[$TARGETARCH]", "[]")]
    [InlineData("platform arguments", "FROM base\nARG TARGETPLATFORM BUILDARCH\nLABEL v=[$TARGETPLATFORM,$BUILDARCH]",
        "[linux/amd64,amd64]")]
    [InlineData("the target's name", "FROM base AS it\nARG TARGETSTAGE\nLABEL v=[$TARGETSTAGE]", "[it]")]
    [InlineData("the target's default name", "FROM base\nARG TARGETSTAGE\nLABEL v=[$TARGETSTAGE]", "[default]")]
    [InlineData("defaults in words", "FROM base\nLABEL v=[${V:-d}]", "[d]")]
    public async Task Variables(string rule, string dockerfile, string expected)
    {
        ImageConfig image = await _build.BuildAsync(
            dockerfile, request => request with { BuildArgs = [new("GIVEN", "first"), new("GIVEN", "given")] });
        Assert.True(image.Labels["v"] == expected, $"{rule}: {image.Labels["v"]}");
    }

    [Fact]
    public async Task Commands_see_declared_arguments_that_have_a_value()
    {
        ImageConfig image = await _build.BuildAsync("FROM base\nARG A=1\nARG UNSET\nENV E=2\nRUN env out");
        Assert.Equal(["PATH=/bin", "FROMBASE=b", "A=1", "E=2"], _build.FilesOf(image).Text("out").Split('\n'));
        Assert.Equal(["PATH=/bin", "FROMBASE=b", "E=2"], image.Env);
    }

    [Fact]
    public async Task From_sees_global_arguments_only()
    {
        await _build.BuildAsync("ARG NAME=base\nFROM $NAME AS x\nARG NAME=other\nFROM ${NAME}");
        Assert.Equal(["base linux/amd64"], _build.Resolved);
    }

    [Fact]
    public async Task A_platform_of_a_stage_is_expanded()
    {
        await _build.BuildAsync("FROM --platform=$BUILDPLATFORM base", request => request with
        {
            Platforms = [new Platform { Os = "linux", Architecture = "arm64" }],
        });
        Assert.Equal(["base linux/amd64"], _build.Resolved);
    }

    [Fact]
    public async Task Several_platforms_share_the_steps_of_the_build_platform()
    {
        BuildResult result = await _build.SolveAsync(TestBuild.Request("""
            FROM --platform=$BUILDPLATFORM base AS tools
            RUN put tool 1
            FROM base
            ARG TARGETARCH
            RUN env out
            COPY --from=tools /tool /tool
            """) with
        {
            Platforms =
            [
                new Platform { Os = "linux", Architecture = "amd64" },
                new Platform { Os = "linux", Architecture = "arm64" },
            ],
        });
        Assert.Equal(["linux/amd64", "linux/arm64"], result.Images.Select(image => image.Config.Platform.ToString()));
        Assert.Equal(3, _build.Executor.Runs.Count);
        Assert.Contains("[linux/arm64 stage-1 2/3] RUN env out", _build.StepNames);
    }

    [Fact]
    public async Task A_blank_base_is_an_error_at_its_word()
    {
        SolveException failure = await _build.FailAsync<SolveException>("ARG X\nFROM $X");
        Assert.Equal("base name ($X) should not be blank", failure.Message);
        Assert.Equal(2, failure.Location!.Value.Start.Line);
    }

    [Fact]
    public async Task A_required_variable_that_is_missing_is_an_error_with_its_message()
    {
        SolveException failure = await _build.FailAsync<SolveException>(
            "FROM scratch\nARG FOO\nARG BAR=${FOO:?\"foo missing\"}");
        Assert.Contains("foo missing", failure.Message, StringComparison.Ordinal);
        await _build.BuildAsync(
            "FROM scratch\nARG FOO\nARG BAR=${FOO:?\"foo missing\"}", r => r with { BuildArgs = [new("BAR", "1")] });
    }

    [Theory]
    [InlineData("FROM base", "one or more build-args [V W] were not consumed")]
    [InlineData("FROM base\nARG V=1 W", null)]
    [InlineData("ARG V\nFROM base\nARG W", null)]
    [InlineData("FROM base AS other\nARG V\nFROM base\nONBUILD ARG W", null)]
    public async Task Build_args_that_nothing_declares_are_reported(string dockerfile, string? warning)
    {
        BuildResult result = await _build.SolveAsync(TestBuild.Request(dockerfile) with
        {
            BuildArgs = [new("W", "1"), new("V", "1"), new("no_proxy", "x"), new("SOURCE_DATE_EPOCH", "1")],
        });
        Assert.Equal(warning, result.Warnings.SingleOrDefault()?.Message);
        Assert.Equal(warning is null ? 0 : 1, _build.Events.OfType<BuildWarned>().Count());
    }
}

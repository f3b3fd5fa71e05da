// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Images;
using Builder.Solver.Ports;
using Xunit;

namespace Builder.Solver.Tests.Building;

/// <summary>Which stages are built, and what the names in FROM, --from and --target mean.</summary>
public sealed class StageTests
{
    private readonly TestBuild _build = new();

    public StageTests()
    {
        _build.AddImage("base");
        _build.AddImage("other", content: "other");
        _build.Context.Put("f", "text");
    }

    [Fact]
    public async Task Stages_out_of_reach_are_neither_resolved_nor_run()
    {
        await _build.BuildAsync("""
            FROM unknown AS far
            RUN fail 1
            FROM base AS near
            RUN put a 1
            FROM far AS also
            COPY --from=far / /
            FROM near
            RUN put b 1
            """);
        Assert.Equal(["put a 1", "put b 1"], _build.Executor.Commands);
        Assert.Equal(["base linux/amd64"], _build.Resolved);
        Assert.Equal(0, _build.ContextsOpened);
    }

    [Theory]
    [InlineData("one", "put a 1")]
    [InlineData("ONE", "put a 1")]
    [InlineData("1", "put b 1")]
    [InlineData(null, "put b 1")]
    public async Task Target_is_a_name_or_a_number(string? target, string command)
    {
        await _build.BuildAsync("FROM base AS one\nRUN put a 1\nFROM base\nRUN put b 1", r => r with { Target = target });
        Assert.Equal([command], _build.Executor.Commands);
    }

    [Fact]
    public async Task An_unknown_target_suggests_a_near_one()
    {
        SolveException failure = await _build.FailAsync<SolveException>(
            "FROM base AS build\nFROM base", r => r with { Target = "bulid" });
        Assert.Equal("target stage \"bulid\" could not be found", failure.Message);
        Assert.Equal("did you mean build?", failure.Hint);
    }

    [Theory]
    [InlineData("FROM base AS a\nCOPY --from=a / /", "circular dependency detected on stage: a", 2)]
    [InlineData("FROM base AS a\nCOPY --from=b / /\nFROM a AS b", "cannot copy from stage \"b\", it needs to be defined before current stage \"a\"", 2)]
    [InlineData("FROM base\nCOPY --from=7 / /", "invalid stage index", 2)]
    [InlineData("FROM base\nCOPY --from=$X / /", "it is empty once expanded", 2)]
    [InlineData("FROM base\nRUN --mount=from=$X,target=/m x", "it is empty once expanded", 2)]
    [InlineData("ARG X=7\nFROM base\nARG X\nCOPY --from=$X / /", "invalid stage index", 4)]
    [InlineData("FROM base\nCOPY --from=Bad/Name: / /", "resolve image \"Bad/Name:\"", 2)]
    public async Task Wrong_sources_are_errors_at_their_line(string dockerfile, string message, int line)
    {
        SolveException failure = await _build.FailAsync<SolveException>(dockerfile);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Equal(line, failure.Location!.Value.Start.Line);
    }

    [Fact]
    public async Task Copy_takes_files_of_stages_by_name_and_number_and_of_images()
    {
        ImageConfig image = await _build.BuildAsync("""
            FROM base AS Build
            RUN put a 1
            FROM scratch
            COPY --from=build /a /by-name
            COPY --from=0 /a /by-number
            COPY --from=other /etc/base /by-image
            """);
        MemoryLayer files = _build.FilesOf(image);
        Assert.Equal("1", files.Text("by-name"));
        Assert.Equal("1", files.Text("by-number"));
        Assert.Equal("other", files.Text("by-image"));
        Assert.Equal(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], image.Env);
        Assert.Equal("/", image.WorkingDir);
    }

    [Fact]
    public async Task Variables_name_the_sources_of_copies_and_mounts()
    {
        ImageConfig image = await _build.BuildAsync(
            """
            ARG GLOBAL=one
            FROM base AS one
            RUN put a 1
            FROM base AS two
            RUN put a 2
            FROM base AS parent
            ARG INHERITED=two
            ENV SET=one
            FROM parent
            ARG GLOBAL
            ARG GIVEN
            COPY --from=$GLOBAL /a /global
            COPY --from=${INHERITED} /a /inherited
            COPY --from=$SET /a /set
            COPY --from=$GIVEN /etc/base /given
            ARG SET=tw
            COPY --from=${SET}o /a /changed
            RUN --mount=type=bind,from=$GLOBAL,target=/m put b x
            """,
            request => request with { BuildArgs = [new("GIVEN", "other")] });
        MemoryLayer files = _build.FilesOf(image);
        Assert.Equal("1", files.Text("global"));
        Assert.Equal("2", files.Text("inherited"));
        Assert.Equal("1", files.Text("set"));
        Assert.Equal("other", files.Text("given"));
        Assert.Equal("2", files.Text("changed"));
    }

    [Fact]
    public async Task A_from_that_names_a_later_stage_means_an_image()
    {
        await _build.BuildAsync("FROM base AS a\nFROM other AS base", r => r with { Target = "a" });
        Assert.Equal(["base linux/amd64"], _build.Resolved);
    }

    [Fact]
    public async Task A_stage_named_in_capitals_is_found_by_its_name_in_small_letters()
    {
        SolveException failure = await _build.FailAsync<SolveException>("FROM base AS Bug\nFROM Bug");
        Assert.Equal("did you mean bug?", failure.Hint);
        await _build.BuildAsync("FROM base AS Bug\nFROM bug\nCOPY --from=BUG /etc/base /x");
    }

    [Fact]
    public async Task A_named_context_replaces_an_image_and_a_stage()
    {
        _build.NamedImages["other"] = new NamedImage(ImageReference.Parse("base"));
        Assert.Equal("base", _build.FilesOf(await _build.BuildAsync("FROM other:latest")).Text("etc/base"));

        _build.NamedImages["stage"] = new NamedImage(ImageReference.Parse("base"));
        ImageConfig image = await _build.BuildAsync("FROM nowhere AS stage\nRUN fail 1\nFROM stage\nRUN put a 1");
        Assert.Equal(["put a 1"], _build.Executor.Commands);
        Assert.Equal("base", _build.FilesOf(image).Text("etc/base"));
    }

    [Fact]
    public async Task A_named_context_of_files_is_a_source_a_mount_and_a_base()
    {
        _build.NamedContexts["files"] = new MemoryLayer().Put("d/x", "named");
        ImageConfig image = await _build.BuildAsync("""
            FROM files
            COPY --from=files d/x /copied
            RUN --mount=from=files,source=d,target=/m copy m/x mounted
            """);
        MemoryLayer files = _build.FilesOf(image);
        Assert.Equal(["named", "named", "named"], new[] { "d/x", "copied", "mounted" }.Select(files.Text));
        Assert.Equal("/", image.WorkingDir);
    }

    [Fact]
    public async Task Scratch_as_a_named_context_is_empty()
    {
        _build.NamedImages["other"] = new NamedImage(ImageReference.Parse("scratch"));
        ImageConfig image = await _build.BuildAsync("FROM other\nCOPY f /");
        Assert.Single(image.RootFs.Layers);
        Assert.Empty(_build.Resolved);
    }

    [Fact]
    public async Task Onbuild_triggers_run_after_from_and_are_cleared()
    {
        _build.AddImage("trigger", config => config with
        {
            OnBuild = ["COPY f /f", "RUN copy f copied", "ENV SEEN=1", "COPY --from=other /etc/base /o"],
        });
        ImageConfig image = await _build.BuildAsync("FROM trigger\nRUN env out\nONBUILD RUN mine");
        Assert.Equal(["copy f copied", "env out"], _build.Executor.Commands);
        Assert.Contains("SEEN=1", _build.FilesOf(image).Text("out"), StringComparison.Ordinal);
        Assert.Equal("other", _build.FilesOf(image).Text("o"));
        Assert.Equal(["RUN mine"], image.OnBuild);
        Assert.Contains("[2/5] ONBUILD COPY f /f", _build.StepNames);
    }

    [Fact]
    public async Task Triggers_of_a_stage_fire_in_the_stage_that_starts_from_it_only()
    {
        ImageConfig image = await _build.BuildAsync("""
            FROM base AS a
            ONBUILD RUN put x 1
            FROM a AS b
            FROM b
            RUN put y 1
            """);
        Assert.Equal(["put x 1", "put y 1"], _build.Executor.Commands);
        Assert.Empty(image.OnBuild);
    }

    [Theory]
    [InlineData("COPY missing /")]
    [InlineData("COPY --from=7 / /")]
    [InlineData("COPY http://host/x /")]
    [InlineData("RUN --network=host x")]
    [InlineData("USER ${x?unset}")]
    [InlineData("RUN --mount=from=$X,target=/m x")]
    public async Task A_failing_trigger_is_shown_at_its_from(string trigger)
    {
        _build.AddImage("trigger", config => config with { OnBuild = [trigger] });
        SolveException failure = await _build.FailAsync<SolveException>("FROM base AS x\nFROM trigger");
        Assert.Equal(2, failure.Location!.Value.Start.Line);
    }

    [Fact]
    public async Task Labels_of_the_command_line_come_last()
    {
        ImageConfig image = await _build.BuildAsync(
            "FROM base\nLABEL a=1 b=2", request => request with { Labels = [new("b", "3"), new("c", "4")] });
        Assert.Equal([new("a", "1"), new("b", "3"), new("c", "4")], image.Labels);
        Assert.Equal("LABEL a=1 b=2", image.History[^1].CreatedBy);
    }
}

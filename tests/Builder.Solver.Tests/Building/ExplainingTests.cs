// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Explaining;
using Builder.Solver.Operations;
using Xunit;

namespace Builder.Solver.Tests.Building;

/// <summary>What is said of a step that ran although an earlier build had it.</summary>
public sealed class ExplainingTests
{
    private const string App = """
        FROM base
        ARG VERSION
        COPY src /src/
        RUN put v $VERSION
        """;

    private readonly TestBuild _build = new();

    public ExplainingTests()
    {
        _build.AddImage("base");
        _build.Context.Put("src/a.py", "one").Put("src/b.py", "two").Put("src/c.py", "three");
    }

    [Fact]
    public async Task A_changed_context_names_its_files()
    {
        await ExplainAsync(App);
        _build.Context = new MemoryLayer().Put("src/a.py", "changed").Put("src/b.py", "two", mode: 0x1ED)
            .Put("src/new.py", "four");
        MissExplanation copy = (await ExplainAsync(App))[0];

        Assert.Equal(MissReason.InputsChanged, copy.Reason);
        Assert.Equal(
            ["file src/a.py", "file src/b.py", "file src/c.py", "file src/new.py"],
            copy.Differences.Select(difference => difference.Input));
        Assert.Equal(("0644", "0755"), (Mode(copy.Differences[1].Before), Mode(copy.Differences[1].After)));
        Assert.Equal((null, "0644"), (copy.Differences[3].Before, Mode(copy.Differences[3].After)));
    }

    [Fact]
    public async Task A_changed_variable_is_named_with_its_values()
    {
        await ExplainAsync(App, "1");
        MissExplanation[] steps = await ExplainAsync(App, "2");
        Assert.Equal(MissReason.Cached, steps[0].Reason);
        Assert.Equal([new InputDifference("env VERSION", "1", "2")], steps[1].Differences);
    }

    [Fact]
    public async Task A_value_that_may_be_secret_is_named_without_its_values()
    {
        const string Dockerfile = "FROM base\nARG API_TOKEN\nRUN put a b";
        await _build.SolveAsync(TestBuild.Request(Dockerfile) with { BuildArgs = [new("API_TOKEN", "hunter2")] });
        BuildResult result = await _build.SolveAsync(
            TestBuild.Request(Dockerfile) with { BuildArgs = [new("API_TOKEN", "hunter3")] });
        MissExplanation step = await ExplainAsync(result.Images[0].Trace.Steps[0]);
        InputDifference difference = Assert.Single(step.Differences);
        Assert.Equal("env API_TOKEN", difference.Input);
        Assert.StartsWith("(hidden) sha256:", difference.Before, StringComparison.Ordinal);
        Assert.False(_build.Cache.Holds("hunter"));
    }

    [Fact]
    public async Task A_changed_command_is_compared_with_what_stood_at_its_place()
    {
        await ExplainAsync("FROM base\nRUN put a 1\nRUN put b 1");
        MissExplanation[] steps = await ExplainAsync("FROM base\nRUN put a 2\nRUN put b 1");
        Assert.Equal(
            [new InputDifference("argument 3", "put a 1", "put a 2")], steps[0].Differences);
        Assert.Equal(["parent"], steps[1].Differences.Select(difference => difference.Input));
    }

    [Fact]
    public async Task An_instruction_that_was_inserted_is_new_and_those_after_it_keep_their_counterparts()
    {
        await ExplainAsync("FROM base\nRUN put a 1\nCOPY src /src/");
        MissExplanation[] steps = await ExplainAsync("FROM base\nRUN put a 1\nWORKDIR /new\nRUN put c 1\nCOPY src /src/");
        Assert.Equal([MissReason.Cached, MissReason.New, MissReason.New, MissReason.Cached], steps.Select(step => step.Reason));
    }

    [Fact]
    public async Task Other_reasons_are_told_apart()
    {
        BuildResult first = await _build.SolveAsync(TestBuild.Request("FROM base\nRUN put a 1"));
        Assert.Equal(MissReason.New, (await ExplainAsync(first.Images[0].Trace.Steps[0])).Reason);

        _build.Executor.Lose(first.Images[0].Config.RootFs.Layers[^1]);
        BuildResult gone = await _build.SolveAsync(TestBuild.Request("FROM base\nRUN put a 1"));
        Assert.Equal(MissReason.ResultGone, (await ExplainAsync(gone.Images[0].Trace.Steps[0])).Reason);

        BuildResult forced = await _build.SolveAsync(TestBuild.Request("FROM base\nRUN put a 1") with { NoCache = true });
        Assert.Equal(MissReason.Forced, (await ExplainAsync(forced.Images[0].Trace.Steps[0])).Reason);
    }

    [Fact]
    public async Task An_image_is_explained_by_the_build_that_made_it_also_after_cached_ones()
    {
        await _build.SolveAsync(TestBuild.Request(App));
        _build.Context.Put("src/a.py", "changed");
        await _build.SolveAsync(TestBuild.Request(App));
        BuildResult cached = await _build.SolveAsync(TestBuild.Request(App));

        BuildTrace? trace = await new BuildExplainer(_build.Cache).FindImageAsync(
            cached.Images[0].Config.RootFs, TestContext.Current.CancellationToken);
        Assert.Equal(StepFate.Missed, trace!.Steps[0].Fate);
        Assert.Equal("file src/a.py", (await ExplainAsync(trace.Steps[0])).Differences[0].Input);
        Assert.NotNull(await new BuildExplainer(_build.Cache).FindProjectAsync(
            "Dockerfile", TestBuild.Host, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_failed_build_leaves_what_it_did()
    {
        await _build.FailAsync<StepFailedException>("FROM base\nRUN put a 1\nRUN fail 1");
        BuildTrace? trace = await new BuildExplainer(_build.Cache).FindProjectAsync(
            "Dockerfile", TestBuild.Host, TestContext.Current.CancellationToken);
        Assert.Equal(["RUN put a 1"], trace!.Steps.Select(step => step.Text));
    }

    [Fact]
    public async Task A_step_that_a_failed_build_did_not_reach_is_compared_with_the_build_before()
    {
        await ExplainAsync("FROM base\nRUN put a 1\nRUN put b 1\nRUN put c 1");
        await _build.FailAsync<StepFailedException>("FROM base\nRUN put a 2\nRUN fail 1");
        MissExplanation[] steps = await ExplainAsync("FROM base\nRUN put a 2\nRUN put b 1\nRUN put c 2");
        Assert.Equal(
            [MissReason.Cached, MissReason.InputsChanged, MissReason.InputsChanged], steps.Select(step => step.Reason));
        Assert.Equal("parent", Assert.Single(steps[1].Differences).Input);
    }

    [Fact]
    public async Task A_cached_build_writes_nothing()
    {
        await _build.SolveAsync(TestBuild.Request(App));
        int writes = _build.Cache.Writes;
        await _build.SolveAsync(TestBuild.Request(App));
        Assert.Equal(writes, _build.Cache.Writes);
    }

    [Fact]
    public async Task The_layer_of_the_build_before_is_offered_as_similar()
    {
        BuildResult first = await _build.SolveAsync(TestBuild.Request(App));
        _build.Context.Put("src/a.py", "changed");
        await _build.SolveAsync(TestBuild.Request(App));
        LayerPlan plan = Assert.Single(_build.Executor.Plans);
        Assert.Equal(first.Images[0].Config.RootFs.Layers[1], plan.Similar);
    }

    private static string? Mode(string? description) => description?.Split(' ')[0];

    private Task<MissExplanation> ExplainAsync(StepTrace step) =>
        new BuildExplainer(_build.Cache).ExplainAsync(step, TestContext.Current.CancellationToken);

    private async Task<MissExplanation[]> ExplainAsync(string dockerfile, string version = "1")
    {
        BuildResult result = await _build.SolveAsync(
            TestBuild.Request(dockerfile) with { BuildArgs = [new("VERSION", version)] });
        var explanations = new List<MissExplanation>();
        foreach (StepTrace step in result.Images[0].Trace.Steps)
        {
            explanations.Add(await ExplainAsync(step));
        }

        return [.. explanations];
    }
}

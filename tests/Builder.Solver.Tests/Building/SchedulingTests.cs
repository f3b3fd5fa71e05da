// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Solver.Images;
using Builder.Solver.Progress;
using Xunit;

namespace Builder.Solver.Tests.Building;

/// <summary>Which steps run at the same time, which run once, and what a failure does to the others.</summary>
public sealed class SchedulingTests
{
    private readonly TestBuild _build = new();

    public SchedulingTests() => _build.AddImage("base");

    [Fact]
    public async Task Independent_stages_run_at_the_same_time()
    {
        await _build.BuildAsync("""
            FROM base AS a
            RUN meet 2 x
            FROM base AS b
            RUN meet 2 y
            FROM scratch
            COPY --from=a /x /
            COPY --from=b /y /
            """);
        Assert.Equal(2, _build.Executor.MostAtOnce);
    }

    [Fact]
    public async Task Jobs_limits_how_many_run()
    {
        await _build.BuildAsync(
            "FROM base AS a\nRUN put x 1\nFROM base AS b\nRUN put y 1\nFROM base\nRUN put z 1\n"
            + "COPY --from=a /x /\nCOPY --from=b /y /",
            request => request with { Jobs = 1 });
        Assert.Equal(1, _build.Executor.MostAtOnce);
    }

    [Fact]
    public async Task A_linked_copy_does_not_wait_for_its_parent()
    {
        _build.Context.Put("f", "text");
        Task<ImageConfig> building = _build.BuildAsync("FROM base\nRUN meet 2 x\nCOPY --link f /f");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (_build.Executor.Plans.IsEmpty)
        {
            await Task.Delay(5, deadline.Token);
        }

        Assert.False(building.IsCompleted);
        await _build.Executor.RunAsync(
            _build.Executor.Runs.First(), LayerStack.Empty, new Nowhere(), deadline.Token);
        await building;
    }

    [Fact]
    public async Task Identical_steps_of_two_stages_run_once()
    {
        await _build.BuildAsync("""
            FROM base AS a
            RUN put x 1
            RUN put y 1
            FROM base AS b
            RUN put x 1
            RUN put z 1
            FROM scratch
            COPY --from=a /y /
            COPY --from=b /z /
            """, request => request with { NoCache = true });
        Assert.Single(_build.Executor.Commands, "put x 1");
        Assert.Equal(3, _build.Executor.Runs.Count);
    }

    [Fact]
    public async Task Two_builds_on_one_store_make_each_layer_once()
    {
        var locks = new MemoryLocks();
        TestBuild[] builds =
            [.. Enumerable.Range(0, 4).Select(_ => new TestBuild { Executor = _build.Executor, Cache = _build.Cache, Locks = locks })];
        foreach (TestBuild build in builds)
        {
            build.AddImage("base");
            build.Context.Put("f", "text");
        }

        // The clock and the events are each build's own; only the store is shared.
        await Task.WhenAll(builds.Select(build => Task.Run(() => build.SolveAsync(
            TestBuild.Request("FROM base\nRUN put a 1\nCOPY f /x/\nRUN put b 2\nWORKDIR /new")))));
        Assert.Equal(2, builds.Sum(build => build.Executed.Count(name => name.Contains("RUN", StringComparison.Ordinal))));
        Assert.Equal(1, builds.Sum(build => build.Executed.Count(name => name.Contains("COPY", StringComparison.Ordinal))));
        Assert.Equal(1, builds.Sum(build => build.Executed.Count(name => name.Contains("WORKDIR", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task The_first_failure_cancels_the_rest_and_says_where()
    {
        StepFailedException failure = await _build.FailAsync<StepFailedException>("""
            FROM base AS a
            RUN wait
            FROM base AS b
            RUN fail 3
            FROM scratch
            COPY --from=a / /
            COPY --from=b / /
            """);
        Assert.Equal(3, failure.ExitCode);
        Assert.Equal(4, failure.Location!.Value.Start.Line);
        Assert.Equal("Dockerfile", failure.Dockerfile!.Name);
        StepFailed[] ended = [.. _build.Events.OfType<StepFailed>()];
        Assert.Contains(ended, step => step.Step.Name.EndsWith("RUN wait", StringComparison.Ordinal) && step.Canceled);
        Assert.Contains(ended, step => step.Step.Name.EndsWith("RUN fail 3", StringComparison.Ordinal) && !step.Canceled);
    }

    [Fact]
    public async Task What_finished_before_a_failure_is_kept()
    {
        await _build.FailAsync<StepFailedException>("FROM base\nRUN put a 1\nRUN fail 1");
        await _build.BuildAsync("FROM base\nRUN put a 1\nRUN put b 1");
        Assert.Equal(["put b 1"], _build.Executor.Commands);
    }

    [Fact]
    public async Task A_missing_image_names_its_FROM_and_keeps_the_hint()
    {
        SolveException failure = await _build.FailAsync<SolveException>("FROM base AS a\nFROM nowhere");
        Assert.Equal(2, failure.Location!.Value.Start.Line);
        Assert.Equal("log in", failure.Hint);
    }

    [Fact]
    public async Task A_missing_file_names_its_COPY()
    {
        SolveException failure = await _build.FailAsync<SolveException>("FROM base\nCOPY missing /");
        Assert.Equal(2, failure.Location!.Value.Start.Line);
    }

    [Fact]
    public async Task Steps_are_named_as_in_plain_progress()
    {
        _build.Context.Put("f", "text");
        await _build.BuildAsync("""
            FROM base AS build
            RUN put x 1
            FROM base
            ARG D=/d
            WORKDIR $D
            copy f ${D}/
            COPY --from=build /x .
            """);
        Assert.Contains("[internal] load metadata for docker.io/library/base:latest", _build.StepNames);
        Assert.Contains(
            _build.StepNames,
            name => name.StartsWith("[build 1/2] FROM docker.io/library/base:latest@sha256:", StringComparison.Ordinal));
        Assert.Contains("[build 2/2] RUN put x 1", _build.StepNames);
        Assert.Contains("[stage-1 2/4] WORKDIR /d", _build.StepNames);
        Assert.Contains("[stage-1 3/4] COPY f /d/", _build.StepNames);
        Assert.Single(_build.StepNames, name => name.Contains("load metadata", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Output_of_a_command_is_passed_on()
    {
        await _build.BuildAsync("FROM base\nRUN put x 1");
        StepPrinted printed = Assert.Single(_build.Events.OfType<StepPrinted>());
        Assert.Equal("running\n", Encoding.UTF8.GetString(printed.Bytes.AsSpan()));
    }

    private sealed class Nowhere : Ports.IStepOutput
    {
        public void Write(bool isStandardError, ReadOnlySpan<byte> bytes)
        {
        }
    }
}

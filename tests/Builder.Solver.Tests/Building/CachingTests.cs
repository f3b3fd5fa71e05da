// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Images;
using Xunit;

namespace Builder.Solver.Tests.Building;

/// <summary>What makes a step run again, and what does not.</summary>
public sealed class CachingTests
{
    private const string App = """
        FROM base
        WORKDIR /app
        COPY requirements.txt .
        RUN put deps installed
        COPY src src
        ENV MODE=prod
        CMD ["run"]
        """;

    private readonly TestBuild _build = new();

    public CachingTests()
    {
        _build.AddImage("base");
        _build.Context.Put("requirements.txt", "flask").Put("src/main.py", "one");
    }

    [Fact]
    public async Task A_second_identical_build_only_looks_up()
    {
        ImageConfig first = await _build.BuildAsync(App);
        ImageConfig second = await _build.BuildAsync(App);

        Assert.Empty(_build.Executed);
        Assert.Empty(_build.Executor.Plans);
        Assert.Equal(0, _build.Executor.TreesOpened);
        Assert.Equal(first.Created, second.Created);
        Assert.Equal(first.RootFs, second.RootFs);
        Assert.Equal(first.History, second.History);
    }

    [Fact]
    public async Task Changing_one_file_runs_only_the_copy_that_takes_it()
    {
        await _build.BuildAsync(App);
        _build.Context.Put("src/main.py", "two");
        ImageConfig image = await _build.BuildAsync(App);

        Assert.Equal(["[5/5] COPY src src"], _build.Executed);
        Assert.Equal("two", _build.FilesOf(image).Text("app/src/main.py"));
    }

    [Fact]
    public async Task A_rerun_step_with_identical_result_stops_the_invalidation()
    {
        await _build.BuildAsync("FROM base\nRUN put a same\nRUN put b other\nCOPY src /x/");
        await _build.BuildAsync("FROM base\nRUN put  a  same\nRUN put b other\nCOPY src /x/");
        Assert.Equal(["[2/4] RUN put  a  same"], _build.Executed);
    }

    [Fact]
    public async Task A_copy_is_reused_on_a_changed_parent_when_its_destination_resolves_alike()
    {
        await _build.BuildAsync("FROM base\nRUN put a one\nCOPY src /x/");
        ImageConfig image = await _build.BuildAsync("FROM base\nRUN put a two\nCOPY src /x/");

        Assert.Equal(["[2/3] RUN put a two"], _build.Executed);
        Assert.Empty(_build.Executor.Plans);
        Assert.Equal("two", _build.FilesOf(image).Text("a"));
        Assert.Equal("one", _build.FilesOf(image).Text("x/main.py"));
    }

    [Theory]
    [InlineData("LABEL a=b")]
    [InlineData("EXPOSE 80")]
    [InlineData("CMD [\"x\"]")]
    [InlineData("ENTRYPOINT x")]
    [InlineData("VOLUME /v")]
    [InlineData("STOPSIGNAL 9")]
    [InlineData("MAINTAINER me")]
    [InlineData("HEALTHCHECK CMD x")]
    [InlineData("ONBUILD RUN x")]
    [InlineData("ARG UNSET")]
    public async Task Metadata_that_a_command_cannot_see_does_not_rerun_it(string instruction)
    {
        await _build.BuildAsync("FROM base\nRUN put a b");
        await _build.BuildAsync($"FROM base\n{instruction}\nRUN put a b");
        Assert.Empty(_build.Executed);
    }

    [Theory]
    [InlineData("ENV A=1")]
    [InlineData("ARG A=1")]
    [InlineData("USER 5")]
    [InlineData("WORKDIR /etc")]
    [InlineData("SHELL [\"/bin/ash\", \"-c\"]")]
    public async Task Metadata_that_a_command_sees_reruns_it(string instruction)
    {
        await _build.BuildAsync("FROM base\nRUN put a b");
        await _build.BuildAsync($"FROM base\n{instruction}\nRUN put a b");
        Assert.Contains("put a b", _build.Executor.Commands);
    }

    [Fact]
    public async Task Times_of_context_files_do_not_matter()
    {
        await _build.BuildAsync("FROM scratch\nCOPY src /");
        _build.Context.Put("src/main.py", "one", time: 12345);
        await _build.BuildAsync("FROM scratch\nCOPY src /");
        Assert.Empty(_build.Executed);
    }

    [Fact]
    public async Task Modes_of_context_files_matter_unless_chmod_overrides_them()
    {
        await _build.BuildAsync("FROM scratch\nCOPY src /");
        await _build.BuildAsync("FROM scratch\nCOPY --chmod=644 src /");
        _build.Context.Put("src/main.py", "one", mode: 0x1FF);
        await _build.BuildAsync("FROM scratch\nCOPY --chmod=644 src /");
        Assert.Empty(_build.Executed);
        await _build.BuildAsync("FROM scratch\nCOPY src /");
        Assert.Single(_build.Executed);
    }

    [Fact]
    public async Task Proxy_variables_reach_the_command_but_not_its_key()
    {
        await _build.BuildAsync("FROM base\nRUN env out", request => request with
        {
            BuildArgs = [new("http_proxy", "http://one")],
        });
        Assert.Equal(
            ["HTTP_PROXY=http://one", "http_proxy=http://one"], _build.Executor.Runs.Single().UnkeyedEnvironment);
        ImageConfig image = await _build.BuildAsync("FROM base\nRUN env out", request => request with
        {
            BuildArgs = [new("HTTP_PROXY", "http://two")],
        });
        Assert.Empty(_build.Executed);
        Assert.Equal("RUN /bin/sh -c env out # buildkit", image.History[^1].CreatedBy);
    }

    [Fact]
    public async Task A_declared_proxy_variable_is_an_argument_like_any_other()
    {
        const string Dockerfile = "FROM base\nARG HTTP_PROXY\nRUN env out";
        await _build.BuildAsync(Dockerfile, r => r with { BuildArgs = [new("HTTP_PROXY", "http://one")] });
        ImageConfig image = await _build.BuildAsync(
            Dockerfile, r => r with { BuildArgs = [new("HTTP_PROXY", "http://two")] });
        Assert.Single(_build.Executed);
        Assert.Equal("RUN |1 HTTP_PROXY=http://two /bin/sh -c env out # buildkit", image.History[^1].CreatedBy);
    }

    [Fact]
    public async Task The_order_of_build_args_does_not_matter()
    {
        const string Dockerfile = "FROM base\nARG A\nARG B\nRUN env out";
        await _build.BuildAsync(Dockerfile, r => r with { BuildArgs = [new("A", "1"), new("B", "2")] });
        await _build.BuildAsync(Dockerfile, r => r with { BuildArgs = [new("B", "2"), new("A", "1")] });
        Assert.Empty(_build.Executed);
    }

    [Fact]
    public async Task An_argument_invalidates_from_the_first_run_that_sees_it()
    {
        const string Dockerfile = "FROM base\nRUN put a 1\nARG V\nRUN put b 2\nCOPY src /s/";
        await _build.BuildAsync(Dockerfile, r => r with { BuildArgs = [new("V", "1")] });
        await _build.BuildAsync(Dockerfile, r => r with { BuildArgs = [new("V", "2")] });
        Assert.Equal(["put b 2"], _build.Executor.Commands);
    }

    [Fact]
    public async Task A_record_is_not_used_when_its_layer_is_gone()
    {
        ImageConfig first = await _build.BuildAsync("FROM base\nRUN put a b");
        _build.Executor.Lose(first.RootFs.Layers[^1]);
        await _build.BuildAsync("FROM base\nRUN put a b");
        Assert.Single(_build.Executor.Runs);
    }

    [Fact]
    public async Task No_cache_runs_everything_and_remembers_it()
    {
        await _build.BuildAsync(App);
        await _build.BuildAsync(App, request => request with { NoCache = true });
        Assert.Equal(4, _build.Executed.Count());
        await _build.BuildAsync(App);
        Assert.Empty(_build.Executed);
    }

    [Fact]
    public async Task No_cache_filter_runs_the_named_stage_only()
    {
        const string Dockerfile = "FROM base AS one\nRUN put a 1\nFROM base\nRUN put b 2\nCOPY --from=one /a /a";
        await _build.BuildAsync(Dockerfile);
        await _build.BuildAsync(Dockerfile, request => request with { NoCacheFilter = ["one"] });
        Assert.Equal(["put a 1"], _build.Executor.Commands);
    }

    [Fact]
    public async Task A_changed_base_reruns_its_commands()
    {
        await _build.BuildAsync("FROM base\nRUN put a b");
        _build.AddImage("base", content: "newer");
        await _build.BuildAsync("FROM base\nRUN put a b");
        Assert.Single(_build.Executor.Runs);
    }

    [Fact]
    public async Task An_unrelated_stage_changes_nothing()
    {
        await _build.BuildAsync("FROM base AS other\nRUN put x 1\nFROM base\nRUN put a b");
        await _build.BuildAsync("FROM base AS other\nRUN put x 2\nFROM base\nRUN put a b");
        Assert.Empty(_build.Executed);
    }

    [Fact]
    public async Task A_copy_from_a_stage_counts_the_files_and_not_the_stage()
    {
        await _build.BuildAsync("FROM base AS b\nRUN put a 1\nRUN put c 1\nFROM scratch\nCOPY --from=b /a /a");
        await _build.BuildAsync("FROM base AS b\nRUN put a 1\nRUN put c 2\nFROM scratch\nCOPY --from=b /a /a");
        Assert.Equal(["put c 2"], _build.Executor.Commands);
        Assert.Empty(_build.Executor.Plans);
    }

    [Fact]
    public async Task A_mounted_context_counts_by_content_and_not_by_time()
    {
        const string Dockerfile = "FROM base\nRUN --mount=target=/m,source=src copy m/main.py out";
        ImageConfig image = await _build.BuildAsync(Dockerfile);
        Assert.Equal("one", _build.FilesOf(image).Text("out"));

        _build.Context.Put("src/main.py", "one", time: 99);
        await _build.BuildAsync(Dockerfile);
        Assert.Empty(_build.Executor.Runs);

        _build.Context.Put("src/main.py", "two");
        image = await _build.BuildAsync(Dockerfile);
        Assert.Equal("two", _build.FilesOf(image).Text("out"));
    }

    [Fact]
    public async Task A_mounted_directory_of_a_stage_counts_without_the_rest_of_the_stage()
    {
        const string Use = "\nFROM base\nRUN --mount=from=b,source=out,target=/m copy m/x y";
        await _build.BuildAsync("FROM base AS b\nRUN put out/x 1\nRUN put log 1" + Use);
        ImageConfig image = await _build.BuildAsync("FROM base AS b\nRUN put out/x 1\nRUN put log 2" + Use);
        Assert.Equal(["put log 2"], _build.Executor.Commands);
        Assert.Equal("1", _build.FilesOf(image).Text("y"));
        await _build.BuildAsync("FROM base AS b\nRUN put out/x 2\nRUN put log 2" + Use);
        Assert.Equal(["put out/x 2", "put log 2", "copy m/x y"], _build.Executor.Commands);
    }

    [Fact]
    public async Task A_secrets_id_is_in_the_key_and_a_cache_starts_no_dependency()
    {
        await _build.BuildAsync("FROM base\nRUN --mount=type=secret,id=a --mount=type=cache,target=/c put a b");
        await _build.BuildAsync("FROM base\nRUN --mount=type=secret,id=a --mount=type=cache,target=/c put a b");
        Assert.Empty(_build.Executed);
        await _build.BuildAsync("FROM base\nRUN --mount=type=secret,id=b --mount=type=cache,target=/c put a b");
        Assert.Single(_build.Executed);
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Images;
using Xunit;

namespace Builder.Solver.Tests.Building;

/// <summary>The history and config that instructions leave, in the form that docker's builds have.</summary>
public sealed class HistoryTests
{
    private readonly TestBuild _build = new();

    public HistoryTests()
    {
        _build.AddImage("base");
        _build.Context.Put("f", "text");
    }

    [Theory]
    [InlineData("RUN put a b", "RUN /bin/sh -c put a b # buildkit", false)]
    [InlineData("RUN [\"put\", \"put a b\"]", "RUN put put a b # buildkit", false)]
    [InlineData("RUN nothing", "RUN /bin/sh -c nothing # buildkit", true)]
    [InlineData("COPY f /x/", "COPY f /x/ # buildkit", false)]
    [InlineData("COPY --chown=1:2 --chmod=600 --link f /x/", "COPY --chown=1:2 --chmod=600 f /x/ # buildkit", false)]
    [InlineData("COPY --from=base /etc/base /x", "COPY /etc/base /x # buildkit", false)]
    [InlineData("ADD --chown=5 f /x", "ADD --chown=5 f /x # buildkit", false)]
    [InlineData("COPY <<EOF /x\ntext\nEOF", "COPY <<EOF /x # buildkit", false)]
    [InlineData("WORKDIR /new/dir", "WORKDIR /new/dir", false)]
    [InlineData("WORKDIR /etc", "WORKDIR /etc", true)]
    [InlineData("WORKDIR /", "WORKDIR /", true)]
    [InlineData("ENV a=1 b='x y'", "ENV a=1 b=x y", true)]
    [InlineData("ENV a b c", "ENV a=b c", true)]
    [InlineData("LABEL a=1", "LABEL a=1", true)]
    [InlineData("ARG a", "ARG a", true)]
    [InlineData("ARG a=1 b=$a", "ARG a=1 b=1", true)]
    [InlineData("EXPOSE 9000-9001 80/UDP", "EXPOSE [80/udp 9000/tcp 9001/tcp]", true)]
    [InlineData("EXPOSE 127.0.0.1:1:80 2:81 [::1]::82", "EXPOSE [80/tcp 81/tcp 82/tcp]", true)]
    [InlineData("USER a:b", "USER a:b", true)]
    [InlineData("VOLUME /a /b", "VOLUME [/a /b]", true)]
    [InlineData("CMD [\"a\", \"b \\\"c\"]", "CMD [\"a\" \"b \\\"c\"]", true)]
    [InlineData("CMD a\tb", "CMD [\"/bin/sh\" \"-c\" \"a\\tb\"]", true)]
    [InlineData("ENTRYPOINT a", "ENTRYPOINT [\"/bin/sh\" \"-c\" \"a\"]", true)]
    [InlineData("SHELL [\"/bin/bash\", \"-c\"]", "SHELL [/bin/bash -c]", true)]
    [InlineData("STOPSIGNAL SIGRTMIN+3", "STOPSIGNAL SIGRTMIN+3", true)]
    [InlineData("MAINTAINER me", "MAINTAINER me", true)]
    [InlineData("HEALTHCHECK NONE", "HEALTHCHECK &{[\"NONE\"] \"0s\" \"0s\" \"0s\" \"0s\" '\\x00'}", true)]
    [InlineData(
        "HEALTHCHECK --interval=5m --timeout=3s --start-period=1h30m --start-interval=1500ms --retries=4 CMD a b",
        "HEALTHCHECK &{[\"CMD-SHELL\" \"a b\"] \"5m0s\" \"3s\" \"1h30m0s\" \"1.5s\" '\\x04'}",
        true)]
    public async Task Each_instruction_leaves_its_line(string instruction, string createdBy, bool isEmpty)
    {
        ImageConfig image = await _build.BuildAsync($"FROM base\n{instruction}");
        Assert.Equal(2, image.History.Length);
        Assert.Equal(createdBy, image.History[^1].CreatedBy);
        Assert.Equal(isEmpty, image.History[^1].EmptyLayer);
        Assert.Equal("buildkit.dockerfile.v0", image.History[^1].Comment);
        Assert.Equal(isEmpty ? 1 : 2, image.RootFs.Layers.Length);
    }

    [Fact]
    public async Task Arguments_are_shown_before_a_run_with_the_values_it_sees()
    {
        ImageConfig image = await _build.BuildAsync("FROM base\nARG a=1\nARG b\nARG a=2\nENV a=3\nRUN put x y");
        Assert.Equal("RUN |2 a=3 b= /bin/sh -c put x y # buildkit", image.History[^1].CreatedBy);
    }

    [Fact]
    public async Task Entries_without_a_layer_have_the_time_of_a_layer_of_this_build()
    {
        ImageConfig image = await _build.BuildAsync("FROM base\nENV a=1\nRUN put x y\nENV b=1");
        DateTimeOffset base_ = DateTimeOffset.FromUnixTimeSeconds(1_000);
        Assert.Equal(base_, image.History[0].Created);
        Assert.NotEqual(base_, image.History[1].Created);
        Assert.All(image.History.Skip(1), entry => Assert.Equal(image.Created, entry.Created));
    }

    [Fact]
    public async Task Metadata_alone_keeps_the_time_of_the_base()
    {
        ImageConfig image = await _build.BuildAsync("FROM base\nENV a=1");
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1_000), image.Created);
        Assert.Null((await _build.BuildAsync("FROM scratch\nENV a=1")).Created);
    }

    [Theory]
    [InlineData("FROM base\nCMD a\nENTRYPOINT [\"e\"]", "a")]
    [InlineData("FROM base\nENTRYPOINT [\"e\"]", null)]
    [InlineData("FROM base\nENTRYPOINT [\"e\"]\nCMD a", "a")]
    [InlineData("FROM base AS x\nCMD a\nFROM x\nENTRYPOINT [\"e\"]", null)]
    public async Task Entrypoint_clears_a_command_that_it_did_not_get_in_its_stage(string dockerfile, string? command)
    {
        ImageConfig image = await _build.BuildAsync(dockerfile);
        Assert.Equal(command, image.Cmd?[^1]);
        Assert.Equal(["e"], image.Entrypoint!.Value);
    }

    [Theory]
    [InlineData("/a", "b", "/a/b")]
    [InlineData("/a", "../c", "/c")]
    [InlineData("/a", "/t/", "/t/")]
    [InlineData("x", "y/./z", "/x/y/z")]
    public async Task Workdir_joins_relative_paths(string first, string second, string expected)
    {
        ImageConfig image = await _build.BuildAsync($"FROM scratch\nWORKDIR {first}\nWORKDIR {second}");
        Assert.Equal(expected, image.WorkingDir);
        Assert.Equal($"WORKDIR {expected}", image.History[^1].CreatedBy);
    }

    [Theory]
    [InlineData("EXPOSE 80/icmp", "invalid protocol")]
    [InlineData("EXPOSE 90-80", "ends before it begins")]
    [InlineData("EXPOSE 70000", "invalid port")]
    [InlineData("EXPOSE localhost:80:80", "invalid IP address")]
    [InlineData("EXPOSE 1-3:1-2", "differ in length")]
    [InlineData("STOPSIGNAL NOPE", "invalid signal")]
    [InlineData("STOPSIGNAL 0", "invalid signal")]
    [InlineData("VOLUME $NOTHING", "the path is empty")]
    public async Task Wrong_values_are_errors(string instruction, string message)
    {
        SolveException failure = await _build.FailAsync<SolveException>($"FROM base\n{instruction}");
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Equal(2, failure.Location!.Value.Start.Line);
    }

    [Theory]
    [InlineData("5", "1970-01-01T00:00:05Z")]
    [InlineData("context", null)]
    public async Task An_epoch_fixes_all_times_of_the_build(string epoch, string? expected)
    {
        ImageConfig image = await _build.BuildAsync(
            "FROM base\nENV a=1\nRUN put a b", request => request with { SourceDateEpoch = epoch });
        DateTimeOffset? time = expected is null ? null : DateTimeOffset.Parse(expected, null);
        Assert.Equal(time is null, image.Created != time);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1_000), image.History[0].Created);
    }

    [Fact]
    public async Task An_epoch_may_be_the_default_of_an_argument_or_the_time_of_a_source()
    {
        ImageConfig image = await _build.BuildAsync("ARG SOURCE_DATE_EPOCH=1445412480\nFROM scratch\nCOPY f .");
        Assert.Equal(1445412480, image.Created!.Value.ToUnixTimeSeconds());

        _build.Remotes["http://host/x"] = new(new MemoryLayer("id").Put("x", "data", time: 777), "x");
        image = await _build.BuildAsync("""
            ARG SOURCE_DATE_EPOCH=src
            FROM scratch AS src
            ADD http://host/x /
            FROM base
            ARG SOURCE_DATE_EPOCH
            COPY f .
            RUN env out
            """);
        Assert.Equal(777, image.Created!.Value.ToUnixTimeSeconds());
        Assert.Contains("SOURCE_DATE_EPOCH=777", _build.FilesOf(image).Text("out"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tomorrow", "neither seconds")]
    [InlineData("s", "must use FROM scratch")]
    public async Task A_wrong_epoch_is_an_error(string epoch, string message)
    {
        SolveException failure = await _build.FailAsync<SolveException>(
            "FROM base AS s\nFROM base", request => request with { SourceDateEpoch = epoch });
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }
}

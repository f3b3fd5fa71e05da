// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;
using Builder.Solver.Operations;
using Xunit;

namespace Builder.Solver.Tests.Building;

/// <summary>What RUN becomes: the command, what it sees, its flags.</summary>
public sealed class RunTests
{
    private readonly TestBuild _build = new();

    public RunTests()
    {
        _build.AddImage("base", config => config with { User = "app", WorkingDir = "/srv" });
        _build.Context.Put("d/f", "text");
    }

    [Theory]
    [InlineData("RUN a  b", "/bin/sh|-c|a  b")]
    [InlineData("RUN [\"a\", \"b c\"]", "a|b c")]
    [InlineData("SHELL [\"x\", \"y\"]\nRUN a", "x|y|a")]
    [InlineData("RUN <<EOF\none\ntwo\nEOF", "/bin/sh|-c|one\ntwo\n")]
    [InlineData("RUN <<-'EOF'\n\tone\nEOF", "/bin/sh|-c|one\n")]
    [InlineData("RUN <<EOF cat\none\nEOF", "/bin/sh|-c|<<EOF cat\none\nEOF")]
    [InlineData("RUN cat <<A <<B\none\nA\ntwo\nB", "/bin/sh|-c|cat <<A <<B\none\nA\ntwo\nB")]
    [InlineData("RUN <<EOF\n#!/bin/x\none\nEOF", "/bin/sh|-c|/dev/pipes/EOF")]
    public async Task Command_forms(string instructions, string expected)
    {
        await _build.BuildAsync($"FROM base\n{instructions}");
        Assert.Equal(expected.Split('|'), _build.Executor.Runs.Single().Arguments);
    }

    [Fact]
    public async Task A_script_is_put_under_its_heredocs_name()
    {
        await _build.BuildAsync("FROM base\nRUN <<EOF\n#!/bin/x\none\nEOF");
        Assert.Equal([new PipeFile("EOF", "#!/bin/x\none\n")], _build.Executor.Runs.Single().PipeFiles);
    }

    [Fact]
    public async Task User_directory_and_limits_reach_the_command()
    {
        await _build.BuildAsync("FROM base\nRUN x\nUSER 5:6\nWORKDIR sub\nRUN y", request => request with
        {
            ShmSizeBytes = 5,
            Ulimits = [new Ulimit("nofile", 1, 2)],
            ExtraHosts = [new HostEntry("h", "1.2.3.4")],
            BuildArgs = [new("BUILDKIT_SANDBOX_HOSTNAME", "here")],
        });
        RunOperation[] runs = [.. _build.Executor.Runs];
        Assert.Equal(("app", "/srv"), (runs[0].User, runs[0].WorkingDirectory));
        Assert.Equal(("5:6", "/srv/sub"), (runs[1].User, runs[1].WorkingDirectory));
        Assert.Equal(("here", 5L), (runs[0].Hostname, runs[0].ShmSizeBytes));
        Assert.Equal(1, runs[0].Ulimits[0].Soft);
        Assert.Equal("h", runs[0].ExtraHosts[0].Name);
    }

    [Fact]
    public async Task Mounts_get_their_defaults()
    {
        await _build.BuildAsync("""
            FROM base
            ARG DIR=d
            RUN --mount=source=$DIR,target=here \
                --mount=type=bind,from=base,source=/etc,target=/e,rw \
                --mount=type=cache,target=/root/.cache/ \
                --mount=type=cache,id=x,target=rel,sharing=locked,mode=0700,uid=1,gid=2,ro,from=base,source=etc \
                --mount=type=tmpfs,target=/t,size=1k \
                --mount=type=secret,id=a/b \
                --mount=type=secret,id=c,env=TOKEN,required \
                --mount=type=ssh --mount=type=ssh,id=k \
                x
            """);
        StepMount[] mounts = [.. _build.Executor.Runs.Single().Mounts];
        var context = Assert.IsType<BindStepMount>(mounts[0]);
        Assert.Equal(("/srv/here", "d", false), (context.Target, context.Path, context.ReadWrite));
        Assert.Equal("text", _build.Executor.Merge(context.Source).Text("d/f"));
        var image = Assert.IsType<BindStepMount>(mounts[1]);
        Assert.Equal(("/e", "etc", true), (image.Target, image.Path, image.ReadWrite));
        var cache = Assert.IsType<CacheStepMount>(mounts[2]);
        Assert.Equal(("/root/.cache", "/root/.cache", CacheSharing.Shared), (cache.Target, cache.Id, cache.Sharing));
        Assert.Equal((0x1ED, 0u, false), (cache.Mode, cache.UserId, cache.ReadOnly));
        Assert.Null(cache.Initial);
        var filled = Assert.IsType<CacheStepMount>(mounts[3]);
        Assert.Equal(("/srv/rel", "x", CacheSharing.Locked), (filled.Target, filled.Id, filled.Sharing));
        Assert.Equal((0x1C0, 1u, 2u, true, "etc"),
            (filled.Mode, filled.UserId, filled.GroupId, filled.ReadOnly, filled.InitialPath));
        Assert.False(filled.Initial!.IsEmpty);
        Assert.Equal(new TmpfsStepMount("/t", 1024), mounts[4]);
        Assert.Equal(new SecretStepMount("/run/secrets/b", "a/b", null, false, 0x100, 0, 0), mounts[5]);
        Assert.Equal(new SecretStepMount("", "c", "TOKEN", true, 0x100, 0, 0), mounts[6]);
        Assert.Equal(new SshStepMount("/run/buildkit/ssh_agent.0", "default", false, 0x180, 0, 0), mounts[7]);
        Assert.Equal(new SshStepMount("/run/buildkit/ssh_agent.1", "k", false, 0x180, 0, 0), mounts[8]);
    }

    [Fact]
    public async Task A_tmpfs_on_shared_memory_is_a_mount_as_any_other()
    {
        await _build.BuildAsync("FROM base\nRUN --mount=type=tmpfs,target=/dev/shm,size=128m x");
        RunOperation run = _build.Executor.Runs.Single();
        Assert.Equal(new TmpfsStepMount("/dev/shm", 128L << 20), run.Mounts.Single());
    }

    [Fact]
    public async Task A_variable_cannot_add_options_to_a_mount()
    {
        await _build.BuildAsync(
            "FROM base\nARG ID\nRUN --mount=type=cache,id=$ID,target=/c x",
            request => request with { BuildArgs = [new("ID", "a,target=/etc")] });
        var cache = (CacheStepMount)_build.Executor.Runs.Single().Mounts.Single();
        Assert.Equal(("a,target=/etc", "/c"), (cache.Id, cache.Target));
    }

    [Theory]
    [InlineData("RUN --network=none x", NetworkMode.None)]
    [InlineData("RUN --network=default x", NetworkMode.Default)]
    [InlineData("RUN x", NetworkMode.Default)]
    public async Task Network_modes(string run, NetworkMode expected)
    {
        await _build.BuildAsync($"FROM base\n{run}");
        Assert.Equal(expected, _build.Executor.Runs.Single().Network);
    }

    [Theory]
    [InlineData("RUN --network=host x", "network.host")]
    [InlineData("RUN --security=insecure x", "security.insecure")]
    public async Task What_reaches_out_of_the_sandbox_must_be_allowed(string run, string entitlement)
    {
        SolveException failure = await _build.FailAsync<SolveException>($"FROM base\n{run}");
        Assert.Equal($"pass --allow {entitlement} to bld build", failure.Hint);
        await _build.BuildAsync($"FROM base\n{run}", request => request with
        {
            AllowHostNetwork = true,
            AllowInsecure = true,
        });
        Assert.Single(_build.Executor.Runs);
    }

    [Theory]
    [InlineData(false, "", false)]
    [InlineData(true, "", true)]
    [InlineData(false, "vendor.com/gpu", true)]
    [InlineData(false, "vendor.com/gpu=0", true)]
    [InlineData(false, "vendor.com/gpu=1", false)]
    [InlineData(false, "vendor.com/gp", false)]
    public async Task A_device_is_asked_for_with_what_the_build_allows(bool all, string allowed, bool expected)
    {
        await _build.BuildAsync(
            "FROM base\nARG N=0\nRUN --device=vendor.com/gpu=$N,required --device=name=a.b/c x",
            request => request with { AllowDevices = all, AllowedDevices = [allowed] });
        ImmutableArray<DeviceRequest> devices = _build.Executor.Runs.Single().Devices;
        Assert.Equal([new DeviceRequest("vendor.com/gpu=0", true, expected), new DeviceRequest("a.b/c", false, all)], devices);
    }

    [Theory]
    [InlineData("gpu", "VENDOR/CLASS=NAME")]
    [InlineData("vendor.com/gpu=", "the name is empty")]
    [InlineData("vendor.com/gpu=0,x", "invalid field 'x'")]
    [InlineData("vendor.com/gpu=0,x=y", "unexpected key 'x'")]
    [InlineData("vendor.com/gpu=0,required=maybe", "invalid value for required")]
    [InlineData("required", "no name")]
    [InlineData("$EMPTY", "csv devices")]
    public async Task A_malformed_device_is_an_error_at_its_place(string device, string message)
    {
        Frontend.BuildException failure =
            await _build.FailAsync<Frontend.BuildException>($"FROM base\nARG EMPTY\nRUN --device={device} x");
        string text = failure is Frontend.DockerfileException parse ? parse.Diagnostics[0].Message : failure.Message;
        Assert.Contains(message, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RUN --mount=target=/ x", "invalid mount target")]
    [InlineData("RUN --mount=type=cache x", "target")]
    [InlineData("RUN --mount=source=missing,target=/m x", "missing")]
    [InlineData("RUN []", "there is no command")]
    [InlineData("COPY http://host/x /", "source can't be a URL")]
    [InlineData("ADD --checksum=sha256:1 d /", "checksum requires")]
    public async Task Wrong_flags_are_errors_at_their_line(string instruction, string message)
    {
        Frontend.BuildException failure = await _build.FailAsync<Frontend.BuildException>($"FROM base\n{instruction}");
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Equal(2, failure.Location!.Value.Start.Line);
    }

    [Fact]
    public async Task Add_of_a_url_is_keyed_by_what_was_fetched()
    {
        const string Dockerfile = "FROM base\nADD http://host/x /x";
        _build.Remotes["http://host/x"] = new(new MemoryLayer("one").Put("x", "data"), "x");
        await _build.BuildAsync(Dockerfile);
        await _build.BuildAsync(Dockerfile);
        Assert.Empty(_build.Executed);
        _build.Remotes["http://host/x"] = new(new MemoryLayer("two").Put("x", "newer"), "x");
        Assert.Equal("newer", _build.FilesOf(await _build.BuildAsync(Dockerfile)).Text("x"));
    }
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Running;
using Xunit;

namespace Builder.Executor.Tests.Running;

public sealed class OptionTests
{
    [Theory]
    [InlineData("80", "0.0.0.0:0->80/tcp")]
    [InlineData("8080:80", "0.0.0.0:8080->80/tcp")]
    [InlineData("127.0.0.1:8080:80/udp", "127.0.0.1:8080->80/udp")]
    [InlineData("127.0.0.1::80", "127.0.0.1:0->80/tcp")]
    [InlineData("[::1]:8080:80", "[::1]:8080->80/tcp")]
    [InlineData("7000-7002:8000-8002", "0.0.0.0:7000->8000/tcp 0.0.0.0:7001->8001/tcp 0.0.0.0:7002->8002/tcp")]
    [InlineData("8000-8001", "0.0.0.0:0->8000/tcp 0.0.0.0:0->8001/tcp")]
    public void Ports_are_read_as_docker_reads_them(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', PortMapping.Parse(text)));

    [Theory]
    [InlineData("0:80")]
    [InlineData("80:70000")]
    [InlineData("1-3:1-2")]
    [InlineData("host:80:80")]
    [InlineData("80/icmp")]
    [InlineData("")]
    public void Impossible_ports_are_refused(string text) =>
        Assert.Equal(RunFailure.Malformed, Assert.Throws<RunException>(() => PortMapping.Parse(text)).Failure);

    [Theory]
    [InlineData("/data", "Volume", "", "/data", false)]
    [InlineData("name:/data", "Volume", "name", "/data", false)]
    [InlineData("name:/data/:ro", "Volume", "name", "/data", true)]
    [InlineData("/host:/data", "Bind", "/host", "/data", false)]
    [InlineData("./rel:/data:ro,z", "Bind", "/here/rel", "/data", true)]
    [InlineData("../up:/data", "Bind", "/up", "/data", false)]
    public void Volumes_are_read_as_docker_reads_them(string text, string kind, string source, string target, bool readOnly)
    {
        ContainerMount mount = ContainerMount.ParseVolume(text, "/here");
        Assert.Equal((kind, source, target, readOnly), (mount.Kind.ToString(), mount.Source, mount.Target, mount.ReadOnly));
    }

    [Theory]
    [InlineData("name:relative")]
    [InlineData("/a:/b:bogus")]
    [InlineData("/a:/b:ro:x")]
    [InlineData(":/b")]
    [InlineData("/a:/")]
    [InlineData("-bad:/b")]
    public void Impossible_volumes_are_refused(string text) =>
        Assert.Equal(
            RunFailure.Malformed, Assert.Throws<RunException>(() => ContainerMount.ParseVolume(text, "/here")).Failure);

    [Fact]
    public void Mounts_are_read_by_their_keys()
    {
        ContainerMount bind = ContainerMount.ParseMount("type=bind,src=x,dst=/y,readonly", "/here");
        Assert.Equal((ContainerMountKind.Bind, "/here/x", "/y", true, false), (bind.Kind, bind.Source, bind.Target, bind.ReadOnly, bind.CreateSource));
        ContainerMount tmpfs = ContainerMount.ParseMount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700", "/");
        Assert.Equal((1L << 20, Convert.ToInt32("700", 8)), (tmpfs.SizeBytes, tmpfs.Mode));
        Assert.Throws<RunException>(() => ContainerMount.ParseMount("type=bind,dst=/y", "/"));
        Assert.Throws<RunException>(() => ContainerMount.ParseMount("type=volume,dst=/y,bogus=1", "/"));
    }

    [Theory]
    [InlineData("TERM", 15)]
    [InlineData("sigkill", 9)]
    [InlineData("2", 2)]
    [InlineData("RTMIN+3", 37)]
    [InlineData("SIGRTMAX", 64)]
    public void Signals_are_read(string text, int expected) => Assert.Equal(expected, SignalName.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("65")]
    [InlineData("NOPE")]
    public void Unknown_signals_are_refused(string text) => Assert.Throws<RunException>(() => SignalName.Parse(text));

    [Theory]
    [InlineData("1048576", 1 << 20)]
    [InlineData("64m", 64 << 20)]
    [InlineData("1.5kB", 1536)]
    [InlineData("1GiB", 1 << 30)]
    public void Sizes_are_read(string text, long expected) => Assert.Equal(expected, ByteSize.Parse(text));

    [Fact]
    public void Variables_keep_their_first_place_and_the_last_value()
    {
        List<string> environment = ["A=1", "B=2"];
        ContainerRequest.SetVariable(environment, "A=3");
        ContainerRequest.SetVariable(environment, "C=4");
        ContainerRequest.SetVariable(environment, "B");
        Assert.Equal(["A=3", "C=4"], environment);
    }
}

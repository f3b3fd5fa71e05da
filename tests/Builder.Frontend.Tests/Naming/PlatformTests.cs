// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Xunit;

namespace Builder.Frontend.Tests.Naming;

public sealed class PlatformTests
{
    private static readonly Platform s_host = new() { Os = "linux", Architecture = "amd64" };

    [Theory]
    [InlineData("linux/amd64", "linux/amd64")]
    [InlineData("linux", "linux/amd64")]
    [InlineData("LINUX/X86_64", "linux/amd64")]
    [InlineData("x86-64", "linux/amd64")]
    [InlineData("linux/amd64/v1", "linux/amd64")]
    [InlineData("linux/amd64/v3", "linux/amd64/v3")]
    [InlineData("aarch64", "linux/arm64")]
    [InlineData("linux/arm64/v8", "linux/arm64")]
    [InlineData("linux/arm64/v9", "linux/arm64/v9")]
    [InlineData("arm", "linux/arm/v7")]
    [InlineData("armhf", "linux/arm/v7")]
    [InlineData("armel", "linux/arm/v6")]
    [InlineData("linux/arm/7", "linux/arm/v7")]
    [InlineData("linux/arm/v6", "linux/arm/v6")]
    [InlineData("i386", "linux/386")]
    [InlineData("macos/arm64", "darwin/arm64")]
    [InlineData("windows", "windows/amd64")]
    [InlineData("linux/s390x", "linux/s390x")]
    [InlineData("linux/unheardof", "linux/unheardof")]
    [InlineData("unheardof", null)]
    [InlineData("", null)]
    [InlineData("linux/", null)]
    [InlineData("linux/a/b/c", null)]
    [InlineData("linux/am d64", null)]
    public void Names_are_normalised(string text, string? expected)
    {
        if (expected is null)
        {
            Assert.Throws<FormatException>(() => Platform.Parse(text, s_host));
        }
        else
        {
            Assert.Equal(expected, Platform.Parse(text, s_host).ToString());
        }
    }

    [Fact]
    public void Version_of_the_system_is_kept()
    {
        Platform platform = Platform.Parse("windows(10.0.17763)/amd64", s_host);
        Assert.Equal(("windows", "amd64", "10.0.17763"), (platform.Os, platform.Architecture, platform.OsVersion));
    }

    [Theory]
    [InlineData("linux/amd64", "linux/amd64", true)]
    [InlineData("linux/amd64", "linux/amd64/v3", true)]
    [InlineData("linux/amd64/v3", "linux/amd64", false)]
    [InlineData("linux/arm/v6", "linux/arm/v7", true)]
    [InlineData("linux/arm/v7", "linux/arm/v6", false)]
    [InlineData("linux/arm64/v8", "linux/arm64", true)]
    [InlineData("linux/arm/v7", "linux/arm64", false)]
    [InlineData("windows/amd64", "linux/amd64", false)]
    public void Image_satisfies_platforms_it_runs_on(string image, string wanted, bool expected) =>
        Assert.Equal(expected, Platform.Parse(image, s_host).Satisfies(Platform.Parse(wanted, s_host)));
}

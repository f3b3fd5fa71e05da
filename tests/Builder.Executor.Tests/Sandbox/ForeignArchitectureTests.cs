// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Executor.Sandbox.Foreign;
using Builder.Executor.Tests.Snapshots;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Sandbox;

public sealed class ForeignArchitectureTests
{
    private static string Host => RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64";

    [Fact]
    public void The_probe_of_this_machine_runs_and_ends_well()
    {
        using var directory = new TemporaryDirectory();
        string path = directory["probe"];
        File.WriteAllBytes(path, ForeignArchitecture.Find(Host)!.Probe());
        new Command("chmod", "755", path).Run().Succeeded();
        new Command(path).Run().Succeeded();
    }

    [Fact]
    public void What_this_machine_cannot_execute_is_known()
    {
        using var fixture = new StoreFixture();
        using var commands = new ForeignCommands(fixture.Store.Tmp);
        Assert.True(commands.CanExecute(ForeignArchitecture.Find(Host)!));
        string handlers = "/proc/sys/fs/binfmt_misc/qemu-s390x";
        Assert.SkipWhen(File.Exists(handlers), "s390x is registered on this machine");
        Assert.False(commands.CanExecute(ForeignArchitecture.Find("s390x")!));
    }

    [Theory]
    [InlineData("amd64", "x86_64")]
    [InlineData("386", "i386")]
    [InlineData("arm64", "aarch64")]
    [InlineData("arm", "arm")]
    [InlineData("riscv64", "riscv64")]
    [InlineData("ppc64le", "ppc64le")]
    [InlineData("s390x", "s390x")]
    [InlineData("mips64le", "mips64el")]
    [InlineData("mips64", "mips64")]
    public void Emulators_run_the_probes(string name, string emulator)
    {
        Assert.SkipUnless(
            new Command("which", $"qemu-{emulator}-static").Run().ExitCode == 0, $"needs qemu-{emulator}-static");
        using var directory = new TemporaryDirectory();
        string path = directory["probe"];
        File.WriteAllBytes(path, ForeignArchitecture.Find(name)!.Probe());
        new Command("chmod", "755", path).Run().Succeeded();
        new Command($"qemu-{emulator}-static", path).Run().Succeeded();
    }

    [Fact]
    public void A_registration_names_class_machine_and_any_system()
    {
        string line = ForeignArchitecture.Find("s390x")!.Registration("/usr/bin/qemu-s390x-static");
        Assert.Equal(
            @":bld-s390x:M::\x7f\x45\x4c\x46\x02\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x16"
            + @":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff:/usr/bin/qemu-s390x-static:OCF",
            line);
        Assert.Contains(@"\xfe\xff\xff\xff:", ForeignArchitecture.Find("arm64")!.Registration("/q"), StringComparison.Ordinal);
    }
}

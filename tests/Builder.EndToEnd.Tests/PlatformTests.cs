// SPDX-License-Identifier: Apache-2.0

using System.Text.Json;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary><c>--platform</c>: several at once, and commands of a foreign one.</summary>
public sealed class PlatformTests(Bases bases) : IClassFixture<Bases>
{
    // What stands for /bin/sh in an arm64 root: writes "arm64" to /made, whatever it is asked.
    private const string Programme = """
        .globl _start
        _start:
          mov x0, #-100
          adr x1, path
          mov x2, #0x41
          mov x3, #0x1a4
          mov x8, #56
          svc #0
          adr x1, text
          mov x2, #6
          mov x8, #64
          svc #0
          mov x0, #0
          mov x8, #93
          svc #0
        path: .asciz "/made"
        text: .ascii "arm64\n"
        """;

    [RootFact]
    public void Several_platforms_share_what_does_not_depend_on_them_and_make_one_index()
    {
        using var bld = new Bld();
        string context = bld.Context("c", """
            FROM --platform=$BUILDPLATFORM busybox AS tool
            RUN echo run-once; date +%N > /stamp
            FROM scratch
            ARG TARGETARCH
            COPY --from=tool /stamp /stamp
            COPY files/$TARGETARCH /arch
            """, ("files/amd64", "amd64\n"), ("files/arm64", "arm64\n"));
        CommandResult build = bld.Ok(
            ["build", .. bases.Mirror, "--platform", "linux/amd64,linux/arm64", "--progress", "plain", "-t", "multi",
                "-o", $"type=oci,dest={bld["o"]},tar=false", "-o", $"type=local,dest={bld["files"]}", "-o", "type=image", context]);
        Assert.Single(build.Error.Split('\n'), line => line.EndsWith(" run-once", StringComparison.Ordinal));
        Assert.Equal("amd64\n", File.ReadAllText(bld["files/linux_amd64/arch"]));
        Assert.Equal("arm64\n", File.ReadAllText(bld["files/linux_arm64/arch"]));
        Assert.Equal(File.ReadAllText(bld["files/linux_amd64/stamp"]), File.ReadAllText(bld["files/linux_arm64/stamp"]));
        CommandResult inspect = new Command("skopeo", "inspect", "--raw", $"oci:{bld["o"]}").Run().Succeeded();
        using JsonDocument index = JsonDocument.Parse(inspect.Output);
        Assert.Equal(
            ["amd64", "arm64"],
            index.RootElement.GetProperty("manifests").EnumerateArray()
                .Select(m => m.GetProperty("platform").GetProperty("architecture").GetString()));
        bld.Ok("system", "check");
        string[] deleted = [.. bld.Ok("rmi", "multi").Lines.Where(line => line.StartsWith("Deleted: ", StringComparison.Ordinal))];
        Assert.InRange(deleted.Length, 2, int.MaxValue);
        Assert.Equal("busybox:latest", bld.Ok("images", "--format", "{{.Repository}}:{{.Tag}}").Text);
        bld.Ok("system", "check");
    }

    [ToolFact("clang ld.lld qemu-aarch64-static")]
    public void Commands_of_a_foreign_architecture_run_in_every_user_namespace()
    {
        Assert.SkipUnless(Environment.OSVersion.Version >= new Version(6, 7), "needs Linux 6.7");
        foreach ((TestUser? user, string[] isolation) in new (TestUser?, string[])[]
        {
            (null, ["--isolation", "userns"]), (TestUser.WithSubIds, []), (TestUser.WithoutSubIds, []),
        })
        {
            using var bld = new Bld(user);
            string context = Foreign(bld);
            CommandResult build = bld.Run(
                ["build", .. isolation, "--platform", "linux/arm64", "-o", $"type=tar,dest={bld["out.tar"]}", context]);
            Assert.True(build.ExitCode == 0, build.ToString());
            Assert.Equal("arm64\n", new Command("tar", "-xOf", bld["out.tar"], "made").Run().Succeeded().Output);
        }

        // Nothing was registered for the machine.
        Assert.NotEqual(0, new Command("sh", "-c", "ls /proc/sys/fs/binfmt_misc/bld-aarch64").Run().ExitCode);
    }

    [ToolFact("clang ld.lld")]
    public void What_a_foreign_command_lacks_is_said()
    {
        using var bld = new Bld(TestUser.WithSubIds);
        string context = Foreign(bld);
        CommandResult build = TestUser.WithSubIds
            .Run("env", $"BLD_ROOT={bld.Root}", "PATH=/nowhere", Bld.Executable, "build", "--platform", "linux/arm64", context).Run();
        Assert.NotEqual(0, build.ExitCode);
        Assert.Contains("linux/arm64", build.Error, StringComparison.Ordinal);
        Assert.Contains("qemu-aarch64-static", build.Error, StringComparison.Ordinal);
        Assert.Contains("Dockerfile:3", build.Error, StringComparison.Ordinal);
    }

    private static string Foreign(Bld bld)
    {
        bld.Write("c/sh.S", Programme);
        string context = bld.Context("c", "FROM scratch\nCOPY --chmod=755 sh /bin/sh\nRUN anything\n");
        new Command(
            "clang", "--target=aarch64-linux-gnu", "-nostdlib", "-static", "-fuse-ld=lld", "-o", $"{context}/sh", $"{context}/sh.S")
            .Run().Succeeded();
        new Command("chmod", "644", $"{context}/sh").Run().Succeeded();
        return context;
    }
}

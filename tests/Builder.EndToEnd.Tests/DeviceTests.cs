// SPDX-License-Identifier: Apache-2.0

using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>RUN --device with specifications of the Container Device Interface.</summary>
public sealed class DeviceTests(Bases bases) : IClassFixture<Bases>
{
    public static TheoryData<string> Users => ["root", "bldsub", "bldplain"];

    [Theory]
    [MemberData(nameof(Users))]
    public void A_device_brings_its_nodes_files_variables_and_groups_and_the_layer_none_of_them(string user)
    {
        using Bld bld = With(user);
        bld.Write("data/lib/file", "from the machine\n");
        bld.Write("cdi/test.yaml", $"""
            cdiVersion: "0.7.0"
            kind: example.com/dev
            containerEdits:
              env:
              - COMMON=yes
            devices:
            - name: zero
              containerEdits:
                env:
                - FOO=injected
                deviceNodes:
                - path: /dev/example/zero
                  hostPath: /dev/zero
                mounts:
                - hostPath: {bld["data/lib"]}
                  containerPath: /opt/lib
                  options: [ro, nosuid, nodev, bind]
            """);
        string context = bld.Context("c", """
            FROM busybox
            RUN --device=example.com/dev=zero,required \
                echo "$FOO $COMMON" && test -c /dev/example/zero && head -c 3 /dev/example/zero | wc -c \
                && cat /opt/lib/file && ! touch /opt/lib/x 2>/dev/null && echo done > /result
            RUN --device=example.com/none echo "without: [$FOO]"
            """);
        string[] build = ["build", .. bases.Mirror, "--cdi-spec-dir", bld["cdi"], "--progress=plain", "-t", "t"];
        CommandResult refused = bld.Run([.. build, context]).Failed(1);
        Assert.Contains("device example.com/dev=zero: it is not allowed in this build", refused.Error, StringComparison.Ordinal);
        Assert.Contains("Dockerfile:2", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--allow device=example.com/dev=zero", refused.Error, StringComparison.Ordinal);

        CommandResult built = bld.Ok([.. build, "--allow", "device=example.com/dev", context]);
        Assert.Contains("injected yes", built.Error, StringComparison.Ordinal);
        Assert.Contains("from the machine", built.Error, StringComparison.Ordinal);
        Assert.Contains("warning: device example.com/none: the machine has none", built.Error, StringComparison.Ordinal);
        Assert.Contains("without: []", built.Error, StringComparison.Ordinal);
        Assert.Equal(
            "done", bld.Ok("run", "--rm", "t", "sh", "-c", "cat /result; ls -d /opt /dev/example 2>/dev/null || true").Text);
    }

    [RootFact]
    public void Nodes_have_the_mode_and_owner_of_the_specification()
    {
        using var bld = new Bld();
        bld.Write("cdi/test.json", """
            {"cdiVersion": "0.6.0", "kind": "example.com/dev", "devices": [{"name": "a",
              "annotations": {"org.mobyproject.buildkit.device.autoallow": "true"},
              "containerEdits": {"additionalGids": [77],
                "deviceNodes": [{"path": "/dev/n", "hostPath": "/dev/null", "fileMode": 416, "uid": 5, "gid": 6, "permissions": "rw"}]}}]}
            """);
        string context = bld.Context("c", "FROM busybox\nUSER 33\nRUN --device=example.com/dev stat -c 'node %a %u:%g %t:%T' /dev/n; id -G\n");
        CommandResult built = bld.Ok(["build", .. bases.Mirror, "--cdi-spec-dir", bld["cdi"], "--progress=plain", context]);
        Assert.Contains("node 640 5:6 1:3", built.Error, StringComparison.Ordinal);
        Assert.Contains("77", built.Error, StringComparison.Ordinal);
    }

    [RootFact]
    public void What_a_specification_asks_for_and_bld_does_not_do_is_an_error_at_the_step()
    {
        using var bld = new Bld();
        bld.Write("cdi/test.yaml", """
            cdiVersion: "0.6.0"
            kind: nvidia.com/gpu
            devices:
            - name: all
              containerEdits:
                hooks:
                - hookName: createContainer
                  path: /usr/bin/nvidia-cdi-hook
            """);
        string context = bld.Context("c", "FROM busybox\nRUN --device=nvidia.com/gpu=all true\n");
        CommandResult failed = bld
            .Run(["build", .. bases.Mirror, "--cdi-spec-dir", bld["cdi"], "--allow", "device", context]).Failed(1);
        Assert.Contains("createContainer /usr/bin/nvidia-cdi-hook, and bld runs no hooks", failed.Error, StringComparison.Ordinal);
        Assert.Contains("Dockerfile:2", failed.Error, StringComparison.Ordinal);
        string required = bld.Context("d", "FROM busybox\nRUN --device=nvidia.com/gpu=7,required true\n");
        Assert.Contains("there are nvidia.com/gpu=all", bld
            .Run(["build", .. bases.Mirror, "--cdi-spec-dir", bld["cdi"], "--allow", "device", required]).Failed(1).Error, StringComparison.Ordinal);
    }

    private static Bld With(string user) => new(user switch
    {
        "bldsub" => TestUser.WithSubIds,
        "bldplain" => TestUser.WithoutSubIds,
        _ => null,
    });
}

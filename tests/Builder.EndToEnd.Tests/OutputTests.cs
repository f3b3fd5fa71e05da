// SPDX-License-Identifier: Apache-2.0

using System.Text.Json;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

public sealed class OutputTests(Bases bases) : IClassFixture<Bases>
{
    private const string Dockerfile = """
        FROM busybox
        RUN mkdir /data && echo hi > /data/file && ln /data/file /data/hard && rm /bin/yes && mkfifo /data/pipe
        COPY a /data/
        LABEL key=value
        CMD ["cat", "/data/file"]
        """;

    [RootFact]
    public void An_oci_archive_is_accepted_by_skopeo_and_umoci()
    {
        using var bld = new Bld();
        string context = bld.Context("c", Dockerfile, ("a", "a\n"));
        bld.Ok(["build", .. bases.Mirror, "-o", $"type=oci,dest={bld["o.tar"]}", "-t", "mi-app:dev", context]);
        CommandResult inspect = new Command("skopeo", "inspect", "--config", $"oci-archive:{bld["o.tar"]}").Run().Succeeded();
        using JsonDocument config = JsonDocument.Parse(inspect.Output);
        Assert.Equal("value", config.RootElement.GetProperty("config").GetProperty("Labels").GetProperty("key").GetString());
        new Command("skopeo", "--insecure-policy", "copy", "-q", $"oci-archive:{bld["o.tar"]}", $"docker-archive:{bld["d.tar"]}:x:y")
            .Run().Succeeded();

        bld.Ok(["build", .. bases.Mirror, "-o", $"type=oci,dest={bld["layout"]},tar=false,name=mi-app:dev", context]);
        using JsonDocument index = JsonDocument.Parse(File.ReadAllText(bld["layout/index.json"]));
        Assert.Equal(1, index.RootElement.GetProperty("manifests").GetArrayLength());
        string tag = index.RootElement.GetProperty("manifests")[0].GetProperty("annotations")
            .GetProperty("org.opencontainers.image.ref.name").GetString()!;
        new Command("umoci", "unpack", "--image", $"{bld["layout"]}:{tag}", bld["bundle"]).Run().Succeeded();
        Assert.Equal("hi\n", File.ReadAllText(bld["bundle/rootfs/data/hard"]));
        Assert.False(File.Exists(bld["bundle/rootfs/bin/yes"]));
        Assert.True(File.Exists(bld["bundle/rootfs/bin/busybox"]));
    }

    [RootFact]
    public void A_docker_archive_is_loaded_and_run_by_podman()
    {
        using var bld = new Bld();
        string context = bld.Context("c", Dockerfile, ("a", "a\n"));
        bld.Ok(["build", .. bases.Mirror, "-o", $"type=docker,dest={bld["d.tar"]}", "-t", "mi-app:dev", context]);
        // podman's runtime wants pure cgroup2: a private mount namespace has it
        string script = bld.Write("podman.sh", $"""
            set -e
            umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
            podman="podman --root {bld["pr"]} --runroot {bld["prr"]} --cgroup-manager cgroupfs"
            $podman load -q -i {bld["d.tar"]}
            $podman run --rm --ulimit nofile=1024:2048 --ulimit nproc=1000:2000 --network none --cgroups=disabled mi-app:dev
            $podman rmi -f -a >/dev/null 2>&1
            """);
        CommandResult result = new Command("unshare", "-m", "bash", script).Run().Succeeded();
        Assert.EndsWith("hi\n", result.Output, StringComparison.Ordinal);
    }

    [RootFact]
    public void Local_and_tar_outputs_hold_the_files_and_their_owners()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM scratch\nCOPY --chown=5:6 --chmod=750 a /x/a\n", ("a", "text\n"));
        bld.Ok("build", "-o", $"type=local,dest={bld["out"]}", context);
        Assert.Equal("text\n", File.ReadAllText(bld["out/x/a"]));
        bld.Ok("build", "-o", $"type=tar,dest={bld["out.tar"]}", context);
        string listing = new Command("tar", "--numeric-owner", "-tvf", bld["out.tar"]).Run().Succeeded().Output;
        Assert.Contains("-rwxr-x--- 5/6", listing, StringComparison.Ordinal);
    }

    [RootFact]
    public void A_pushed_image_is_what_skopeo_and_a_fresh_store_pull()
    {
        using var bld = new Bld();
        string name = $"{bases.Registry}/team/mi-app:1";
        string context = bld.Context("c", Dockerfile, ("a", "a\n"));
        bld.Ok(["build", .. bases.Mirror, "-t", name, context]);
        bld.Ok("push", name);
        new Command("skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", $"docker://{name}", $"oci:{bld["o"]}:x")
            .Run().Succeeded();
        using var other = new Bld();
        other.Ok("pull", name);
        Assert.Equal(bld.DiffIds(name), other.DiffIds(name));
        Assert.Equal("hi", other.Ok("run", "--rm", name).Text);
        Assert.Equal(1, other.Run("pull", $"{bases.Registry}/team/absent:1").ExitCode);
    }

    [RootFact]
    public void Saved_images_load_into_another_store()
    {
        using var bld = new Bld();
        string context = bld.Context("c", Dockerfile, ("a", "a\n"));
        bld.Ok(["build", .. bases.Mirror, "-t", "mi-app:dev", context]);
        bld.Ok("save", "-o", bld["s.tar"], "mi-app:dev");
        using var other = new Bld();
        Assert.Contains("mi-app:dev", other.Ok("load", "-i", bld["s.tar"]).Output, StringComparison.Ordinal);
        Assert.Equal("hi", other.Ok("run", "--rm", "mi-app:dev").Text);
        Assert.Equal(
            bld.Ok("image", "inspect", "-f", "{{.Id}}", "mi-app:dev").Text,
            other.Ok("image", "inspect", "-f", "{{.Id}}", "mi-app:dev").Text);
        Assert.Contains("Untagged: mi-app:dev", other.Ok("rmi", "mi-app:dev").Output, StringComparison.Ordinal);
        Assert.Equal(1, other.Run("image", "inspect", "mi-app:dev").ExitCode);
    }
}

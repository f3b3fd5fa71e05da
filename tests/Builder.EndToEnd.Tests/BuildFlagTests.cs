// SPDX-License-Identifier: Apache-2.0

using System.Text.Json;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>Flags of build that scripts bring along: honoured, or refused with what to use instead.</summary>
public sealed class BuildFlagTests(Bases bases) : IClassFixture<Bases>
{
    [RootFact]
    public void Flags_with_one_possible_answer_take_that_answer_only()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM scratch\nCOPY a /\n", ("a", "a"));
        bld.Ok("build", "--provenance=false", "--sbom", "false", "--rm", "--force-rm", "--builder", "default", "--compress", "--layers", context);
        Assert.Contains("pass --provenance=false", bld.Run("build", "--provenance=mode=max", context).Failed(2).Error, StringComparison.Ordinal);
        Assert.Contains("no builder instances", bld.Run("build", "--builder", "remote", context).Failed(2).Error, StringComparison.Ordinal);
        Assert.Contains("limit the job", bld.Run("build", "--memory-swap", "1g", context).Failed(2).Error, StringComparison.Ordinal);
        Assert.Contains("limit the job", bld.Run("build", "--cpu-shares", "512", context).Failed(2).Error, StringComparison.Ordinal);
        Assert.Contains("use -t NAME and --push", bld.Run("build", "--destination", "x", context).Failed(2).Error, StringComparison.Ordinal);
        Assert.Contains("the build context is empty", bld.Run("build", "").Failed(2).Error, StringComparison.Ordinal);
        Assert.Contains("--shm-size", bld.Run("build", "--shm-size", "x", context).Failed(2).Error, StringComparison.Ordinal);
    }

    [RootFact]
    public void A_failed_build_leaves_no_id_of_an_earlier_one()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM scratch\nCOPY missing /\n", ("a", "a"));
        string idFile = bld.Write("iid", "sha256:old");
        bld.Run("build", "--iidfile", idFile, context).Failed(1);
        Assert.False(File.Exists(idFile));
        CommandResult nowhere = bld.Run("build", "--iidfile", bld["no/such/iid"], context).Failed(2);
        Assert.Contains("no such directory", nowhere.Error, StringComparison.Ordinal);
    }

    [RootFact]
    public void Annotations_stand_where_they_were_asked_for()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM scratch\nCOPY a /\n", ("a", "a"));
        bld.Ok(
            "build", "--platform", "linux/amd64,linux/arm64", "--annotation", "plain=1", "--annotation", "manifest[linux/arm64]:arm=2",
            "--annotation", "index,manifest-descriptor:both=3", "--annotation", "index-descriptor:entry=4",
            "-o", $"type=oci,tar=false,dest={bld["out"]},annotation.field=5", context);
        JsonElement entry = Read(bld["out/index.json"]).GetProperty("manifests")[0];
        Assert.Equal("4", Annotation(entry, "entry"));
        JsonElement index = Blob(bld, entry);
        Assert.Equal("3", Annotation(index, "both"));
        JsonElement amd = index.GetProperty("manifests")[0];
        JsonElement arm = index.GetProperty("manifests")[1];
        Assert.Equal("3", Annotation(arm, "both"));
        Assert.Equal(("1", "5", null), (Annotation(Blob(bld, amd), "plain"), Annotation(Blob(bld, amd), "field"), Annotation(Blob(bld, amd), "arm")));
        Assert.Equal(("1", "2"), (Annotation(Blob(bld, arm), "plain"), Annotation(Blob(bld, arm), "arm")));
        Assert.Contains(
            "without an index", bld.Run("build", "--annotation", "index:a=1", context).Failed(2).Error, StringComparison.Ordinal);

        // and in a registry
        string name = $"{bases.Registry}/annotated:1";
        bld.Ok("build", "--annotation", "org.opencontainers.image.title=t", "-t", name, "--push", context);
        using JsonDocument pushed = JsonDocument.Parse(new Command(
            "skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{name}").Run().Succeeded().Output);
        Assert.Equal("t", Annotation(pushed.RootElement, "org.opencontainers.image.title"));
    }

    [RootFact]
    public void Layers_leave_in_the_form_that_was_asked_for()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM scratch\nCOPY a /\n", ("a", "a"));
        foreach ((string options, string mediaType) in ((string, string)[])
        [
            ("compression=zstd,compression-level=7", "application/vnd.oci.image.layer.v1.tar+zstd"),
            ("compression=uncompressed", "application/vnd.oci.image.layer.v1.tar"),
            ("oci-mediatypes=false", "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        ])
        {
            string directory = bld[$"out-{options.Length}"];
            bld.Ok("build", "-o", $"type=oci,tar=false,dest={directory},{options}", context);
            JsonElement entry = Read(Path.Combine(directory, "index.json")).GetProperty("manifests")[0];
            JsonElement manifest = Read(BlobPath(directory, entry));
            Assert.Equal(mediaType, manifest.GetProperty("layers")[0].GetProperty("mediaType").GetString());
        }

        // the way CI jobs push one platform each, for an index later
        string name = $"{bases.Registry}/by-digest";
        bld.Ok(
            "build", "--metadata-file", bld["metadata"],
            "-o", $"type=image,name={name},push-by-digest=true,name-canonical=true,push=true,compression=zstd", context);
        string digest = Read(bld["metadata"]).GetProperty("containerimage.digest").GetString()!;
        Assert.Contains("tar+zstd", new Command(
            "skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{name}@{digest}").Run().Succeeded().Output, StringComparison.Ordinal);
        Assert.NotEqual(0, new Command(
            "skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{name}:latest").Run().ExitCode);
        Assert.Empty(bld.Ok("images", "-q", name).Lines);
    }

    [RootFact]
    public void A_build_for_the_cache_alone_leaves_no_image()
    {
        using Bld bld = new();
        string context = bld.Context("c", "FROM busybox\nRUN echo made > /f\n");
        bld.Ok(["build", .. bases.Mirror, "-o", "type=cacheonly", context]);
        Assert.DoesNotContain("<none>", bld.Ok("images", "-a").Output, StringComparison.Ordinal);
        CommandResult second = bld.Ok(["build", .. bases.Mirror, "--progress=plain", "-t", "t", context]);
        Assert.Contains("CACHED", second.Error, StringComparison.Ordinal);
        Assert.Equal("made", bld.Ok("run", "--rm", "t", "cat", "/f").Text);
    }

    [RootFact]
    public void Build_arguments_and_ignore_patterns_come_from_files()
    {
        using var bld = new Bld();
        string context = bld.Context(
            "c", "FROM scratch\nARG ONE\nARG TWO=default\nLABEL one=$ONE two=$TWO\nCOPY . /\n", ("a", "a"), ("b", "b"));
        string arguments = bld.Write("args", "# comment\nONE=from file\nTWO=from file\n");
        string ignore = bld.Write("ignore", "b\n");
        bld.Ok("build", "--build-arg-file", arguments, "--build-arg", "TWO=from line", "--ignorefile", ignore, "-t", "t", context);
        Assert.Equal("from file|from line", bld.Ok("inspect", "-f", "{{.Config.Labels.one}}|{{.Config.Labels.two}}", "t").Text);
        bld.Ok("build", "--build-arg-file", arguments, "--ignorefile", ignore, "-o", bld["out"], context);
        Assert.Equal(["Dockerfile", "a"], Directory.GetFiles(bld["out"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    private static JsonElement Read(string file) => JsonDocument.Parse(File.ReadAllText(file)).RootElement;

    private static JsonElement Blob(Bld bld, JsonElement descriptor) => Read(BlobPath(bld["out"], descriptor));

    private static string BlobPath(string layout, JsonElement descriptor) =>
        Path.Combine(layout, "blobs/sha256", descriptor.GetProperty("digest").GetString()!["sha256:".Length..]);

    private static string? Annotation(JsonElement element, string key) =>
        element.TryGetProperty("annotations", out JsonElement all) && all.TryGetProperty(key, out JsonElement value)
            ? value.GetString()
            : null;
}

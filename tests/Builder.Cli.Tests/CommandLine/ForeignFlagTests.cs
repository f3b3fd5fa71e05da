// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.Building;
using Builder.Cli.CommandLine;
using Xunit;

namespace Builder.Cli.Tests.CommandLine;

/// <summary>Every flag of the other builders is one of ours, or is refused with what to use instead.</summary>
public sealed class ForeignFlagTests
{
    // docker build and buildx build; buildah build; kaniko's executor
    private const string Flags = """
        --add-host --allow --annotation --attest --build-arg --build-context --builder --cache-from --cache-to --call
        --cgroup-parent --check --compress --cpu-period --cpu-quota --cpu-shares --cpuset-cpus --cpuset-mems --debug
        --disable-content-trust --file --force-rm --iidfile --isolation --label --load --memory --memory-swap
        --metadata-file --network --no-cache --no-cache-filter --output --platform --policy --print --progress --provenance
        --pull --push --quiet --rm --sbom --secret --security-opt --shm-size --squash --ssh --tag --target --ulimit
        --all-platforms --arch --authfile --build-arg-file --cap-add --cap-drop --cert-dir --cpp-flag --creds
        --decryption-key --device --dns --dns-option --dns-search --env --format --from --group-add --hooks-dir
        --http-proxy --identity-label --ignorefile --ipc --jobs --layer-label --layers --logfile --manifest --no-hostname
        --no-hosts --omit-history --os --os-feature --os-version --pid --retry --retry-delay --rewrite-timestamp --runtime
        --sign-by --source-date-epoch --stdin --timestamp --tls-verify --unsetenv --unsetlabel --userns --uts --variant
        --volume --cache --cache-copy-layers --cache-dir --cache-repo --cache-run-layers --cache-ttl --cleanup
        --compressed-caching --context --context-sub-path --custom-platform --destination --digest-file --dockerfile
        --force --git --ignore-path --ignore-var-run --image-download-retry --image-fs-extract-retry
        --image-name-tag-with-digest-file --image-name-with-digest-file --insecure --insecure-pull --insecure-registry
        --log-format --no-push --oci-layout-path --push-retry --registry-certificate --registry-client-cert
        --registry-map --registry-mirror --reproducible --single-snapshot --skip-tls-verify --skip-tls-verify-pull
        --skip-tls-verify-registry --skip-unused-stages --snapshot-mode --tar-path --use-new-run --verbosity
        """;

    public static TheoryData<string> All => [.. Flags.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)];

    [Theory]
    [MemberData(nameof(All))]
    public void Every_flag_of_other_builders_is_taken_or_answered(string flag)
    {
        Command command = new("build");
        new BuildOptions().AddTo(command);
        bool isOurs = flag == "--debug" // of every command
            || command.Options.Any(option => option.Name == flag || option.Aliases.Contains(flag));
        Assert.NotEqual(isOurs, ForeignFlags.HintFor("build", flag) is not null);
    }

    [Theory]
    [InlineData("a=b", "Manifest", null, "a", "b")]
    [InlineData("a:x=b=c", "Manifest", null, "a:x", "b=c")]
    [InlineData("index:a=", "Index", null, "a", "")]
    [InlineData("manifest-descriptor[linux/arm64]:a=b", "ManifestDescriptor", "linux/arm64", "a", "b")]
    public void Annotations_are_read_as_buildx_writes_them(string text, string level, string? platform, string key, string value)
    {
        Executor.Images.ImageAnnotation annotation = Assert.Single(AnnotationSpec.Parse(text));
        Assert.Equal(
            (level, platform, key, value),
            (annotation.Level.ToString(), annotation.Platform?.ToString(), annotation.Key, annotation.Value));
    }

    [Fact]
    public void An_annotation_may_stand_in_several_places() =>
        Assert.Equal(["Index", "Manifest"], AnnotationSpec.Parse("index,manifest:a=b").Select(a => a.Level.ToString()));

    [Theory]
    [InlineData("a")]
    [InlineData("=b")]
    [InlineData("index:=b")]
    [InlineData("index[linux:a=b")]
    public void A_malformed_annotation_is_refused(string text) =>
        Assert.Throws<UsageException>(() => AnnotationSpec.Parse(text));
}

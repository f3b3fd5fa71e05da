// SPDX-License-Identifier: Apache-2.0

using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Builder.Frontend.Lint.Peers;

/// <summary>
/// Who does what. Sources: moby/buildkit (Dockerfile syntax 1.26), containers/buildah 1.44,
/// GoogleContainerTools/kaniko 1.24 and its fork osscontainertools/kaniko 1.28.
/// </summary>
internal static class PeerTable
{
    public static readonly ImmutableArray<PeerFeature> All =
    [
        Row(
            Feature.SyntaxDirective,
            "# syntax=",
            buildKit: Differs("pulls that image and lets it read the file; bld takes it as a version hint"),
            buildah: null,
            kaniko: null),
        Row(
            Feature.EscapeDirective,
            "# escape=",
            kaniko: Differs("takes it for continuations only; in variables the backslash stays the escape character")),
        Row(
            Feature.CheckDirective,
            "# check=",
            buildah: Ignores("has no checks"),
            kaniko: Ignores("has no checks; its fork has")),
        Row(
            Feature.FromPlatform,
            "FROM --platform",
            kaniko: Ignores("the base image is the one for --custom-platform or the host")),
        Row(
            Feature.PlatformArg,
            "platform ARG",
            kaniko: Differs("the automatic platform args have no value")),
        Row(
            Feature.RarePlatformArg,
            "platform ARG",
            buildah: Differs("knows eight of the eleven automatic platform args; this one has no value"),
            kaniko: Differs("the automatic platform args have no value")),
        Row(
            Feature.AlternativeExpansion,
            "${name-word}, ${name+word}",
            buildah: Rejects("its shell words know only the forms with a colon")),
        Row(
            Feature.RequiredExpansion,
            "${name:?message}",
            buildah: Differs("the result is the message, and the build does not fail")),
        Row(
            Feature.ReplacingExpansion,
            "${name/pattern/word}",
            buildah: Rejects("its shell words do not know replacing")),
        Row(
            Feature.Maintainer,
            "MAINTAINER",
            kaniko: Ignores("the image has no author")),
        Row(
            Feature.UserGroup,
            "USER user:group",
            kaniko: Differs("its fork drops the group unless FF_KANIKO_RUN_HONOR_GROUP is set")),
        Row(
            Feature.WorkdirOfUser,
            "WORKDIR after USER",
            kaniko: Differs("parent directories that it creates belong to root")),
        Row(
            Feature.Volume,
            "VOLUME",
            kaniko: Differs("creates the directory in the image; its fork does not")),
        Row(
            Feature.ShellForCommand,
            "SHELL for CMD and ENTRYPOINT",
            buildah: Differs("the shell form always becomes /bin/sh -c")),
        Row(
            Feature.ZeroRetries,
            "HEALTHCHECK --retries=0",
            buildah: Rejects("wants at least one retry")),
        Row(
            Feature.OnBuild,
            "ONBUILD",
            kaniko: Differs("supports a part of the triggers")),
        Row(
            Feature.BindMount,
            "RUN --mount=type=bind",
            kaniko: Ignores("the command runs without the files; its fork mounts all but stages")),
        Row(
            Feature.CacheMount,
            "RUN --mount=type=cache",
            kaniko: Ignores("the command runs without a cache, and what it writes there stays in the layer; its fork has caches")),
        Row(
            Feature.PrivateCacheMount,
            "RUN --mount=type=cache,sharing=private",
            buildah: Rejects("knows only shared and locked"),
            kaniko: Ignores("the command runs without a cache, and what it writes there stays in the layer; its fork has caches")),
        Row(
            Feature.TmpfsMount,
            "RUN --mount=type=tmpfs",
            kaniko: Ignores("what the command writes there stays in the layer; its fork warns")),
        Row(
            Feature.SecretMount,
            "RUN --mount=type=secret",
            kaniko: Ignores("the command runs without the secret; its fork has secrets")),
        Row(
            Feature.SshMount,
            "RUN --mount=type=ssh",
            kaniko: Ignores("the command runs without the agent; its fork warns")),
        Row(
            Feature.RunNetwork,
            "RUN --network",
            kaniko: Ignores("the command has the network of the pod; its fork warns")),
        Row(
            Feature.RunSecurity,
            "RUN --security",
            buildah: Rejects("has no such flag"),
            kaniko: Ignores("there is no sandbox to widen; its fork warns")),
        Row(
            Feature.RunDevice,
            "RUN --device",
            buildKit: Rejects("needs the labs channel of the Dockerfile frontend"),
            buildah: Rejects("has devices on the command line only"),
            kaniko: Ignores("the command runs without the device; its fork warns")),
        Row(
            Feature.RunHeredoc,
            "RUN <<EOF",
            kaniko: Ignores("the step runs nothing and succeeds; its fork runs it")),
        Row(
            Feature.QuotedRunHeredoc,
            "RUN <<'EOF'",
            kaniko: Ignores("the step runs nothing and succeeds, in its fork too")),
        Row(
            Feature.CopyHeredoc,
            "COPY <<EOF",
            kaniko: Rejects("looks for a file of that name; its fork writes the file")),
        Row(
            Feature.CopyFromVariable,
            "COPY --from=$VARIABLE",
            buildKit: Rejects("does not expand variables in --from")),
        Row(
            Feature.SymbolicChmod,
            "--chmod with letters",
            buildah: Rejects("takes octal modes only"),
            kaniko: Rejects("takes octal modes only")),
        Row(
            Feature.Link,
            "--link",
            buildah: Warns("honoured with --layers only"),
            kaniko: Ignores("the files are copied onto the layers below, and links at the destination are followed")),
        Row(
            Feature.LinkWithChmod,
            "--link with --chmod",
            buildKit: Ignores("--link is dropped when --chmod is given"),
            buildah: Warns("honoured with --layers only"),
            kaniko: Ignores("the files are copied onto the layers below, and links at the destination are followed")),
        Row(
            Feature.Parents,
            "COPY --parents",
            kaniko: Ignores("the files land without their parent directories, in its fork too")),
        Row(
            Feature.Exclude,
            "--exclude",
            kaniko: Ignores("the excluded files are copied, in its fork too")),
        Row(
            Feature.AddGit,
            "ADD of a git repository",
            buildah: Differs("supports a part of the URL forms"),
            kaniko: Rejects("takes files, archives and http URLs only")),
        Row(
            Feature.AddChecksum,
            "ADD --checksum",
            kaniko: Ignores("the download is never verified, in its fork neither")),
        Row(
            Feature.AddKeepGitDirectory,
            "ADD --keep-git-dir",
            buildah: Rejects("not supported"),
            kaniko: Ignores("there is no ADD of git")),
        Row(
            Feature.AddUnpack,
            "ADD --unpack",
            buildah: Rejects("has no such flag"),
            kaniko: Ignores("local archives are unpacked and remote ones are not, whatever it says")),
    ];

    private static readonly FrozenDictionary<Feature, PeerFeature> s_byFeature =
        All.ToFrozenDictionary(feature => feature.Feature);

    public static PeerFeature Get(Feature feature) => s_byFeature[feature];

    private static PeerFeature Row(
        Feature feature,
        string name,
        PeerBehaviour? buildKit = null,
        PeerBehaviour? buildah = null,
        PeerBehaviour? kaniko = null) => new(feature, name, buildKit, buildah, kaniko);

    private static PeerBehaviour Rejects(string explanation) => new(PeerEffect.Rejects, explanation);

    private static PeerBehaviour Ignores(string explanation) => new(PeerEffect.Ignores, explanation);

    private static PeerBehaviour Warns(string explanation) => new(PeerEffect.Warns, explanation);

    private static PeerBehaviour Differs(string explanation) => new(PeerEffect.Differs, explanation);
}

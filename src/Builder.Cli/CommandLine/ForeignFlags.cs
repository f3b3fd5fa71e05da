// SPDX-License-Identifier: Apache-2.0

using System.Collections.Frozen;

namespace Builder.Cli.CommandLine;

/// <summary>
/// Flags of docker, buildx, buildah, podman and kaniko that bld does not have, with what to do in their place: a script
/// that brings one is told, and nothing is ignored.
/// </summary>
internal static class ForeignFlags
{
    private const string NoLimits = "bld limits by --memory, --cpus, --pids-limit and --ulimit: for others limit the job or pod that it runs in";
    private const string ByCpus = "use --cpus QUOTA/PERIOD: 1.5 is one and a half processors";
    private const string NoDaemon = "it belongs to a daemon, and bld has none: leave it out";
    private const string NoAttestations = "bld makes no attestations: pass --provenance=false --sbom=false, and sign or scan the pushed image";
    private const string UseMount = "use RUN --mount=type=bind or type=cache in the Dockerfile";
    private const string UseEnv = "put it in the Dockerfile: ENV, LABEL";
    private const string ByNetwork = "use --network=host, none or default, and --add-host for names";
    private const string ByIsolation = "bld chooses its namespaces by --isolation";
    private const string ByTag = "use -t NAME and --push";

    private static readonly FrozenDictionary<string, string> s_build = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        // docker and buildx
        ["--attest"] = NoAttestations,
        ["--cgroup-parent"] = NoLimits,
        ["--resource"] = NoLimits,
        ["--memory-swap"] = NoLimits,
        ["--cpu-period"] = ByCpus,
        ["--cpu-quota"] = ByCpus,
        ["--cpu-shares"] = NoLimits,
        ["-c"] = NoLimits,
        ["--cpuset-cpus"] = NoLimits,
        ["--cpuset-mems"] = NoLimits,
        ["--security-opt"] = "use RUN --security=insecure in the Dockerfile and --allow security.insecure",
        ["--squash"] = "add a last stage: FROM scratch, then COPY --from=STAGE / /",
        ["--print"] = "use --call=outline, --call=targets or --check",
        ["--policy"] = "check the Dockerfile by bld check, and the base images by their digests",
        ["--source-policy-file"] = "check the Dockerfile by bld check, and the base images by their digests",
        ["--proxy-network"] = "use --build-arg HTTPS_PROXY=...: it is neither in the key nor in the image",
        ["--server-config"] = NoDaemon,
        ["--stream"] = NoDaemon,
        ["--driver"] = NoDaemon,

        // buildah and podman
        ["--all-platforms"] = "name them: --platform linux/amd64,linux/arm64",
        ["--annotation-file"] = "use --annotation KEY=VALUE",
        ["--arch"] = "use --platform OS/ARCH",
        ["--os"] = "use --platform OS/ARCH",
        ["--variant"] = "use --platform OS/ARCH/VARIANT",
        ["--os-version"] = "use --platform OS/ARCH",
        ["--os-feature"] = "use --platform OS/ARCH",
        ["--cap-add"] = "use RUN --security=insecure in the Dockerfile and --allow security.insecure",
        ["--cap-drop"] = "drop it in the step: RUN setpriv --bounding-set=-NAME ...",
        ["--cpp-flag"] = "run cpp yourself: cpp -E Containerfile.in | bld build -f - .",
        ["--creds"] = "use bld login, or --authfile",
        ["--decryption-key"] = "decrypt the image with skopeo copy first",
        ["--device"] = "use RUN --device=VENDOR/CLASS=NAME in the Dockerfile and --allow device",
        ["--dns"] = ByNetwork,
        ["--dns-option"] = ByNetwork,
        ["--dns-search"] = ByNetwork,
        ["--env"] = UseEnv,
        ["--format"] = "use -o type=docker,dest=F or -o type=image,oci-mediatypes=false",
        ["--from"] = "use an ARG in FROM and --build-arg, or --build-context NAME=docker-image://REF",
        ["--group-add"] = "use USER in the Dockerfile",
        ["--hooks-dir"] = "bld runs no hooks",
        ["--http-proxy"] = "use --build-arg HTTP_PROXY=...",
        ["--identity-label"] = UseEnv,
        ["--inherit-labels"] = UseEnv,
        ["--ipc"] = ByIsolation,
        ["--layer-label"] = UseEnv,
        ["--logfile"] = "redirect standard error: 2> FILE",
        ["--manifest"] = "use --platform A,B: the result is one index",
        ["--no-hostname"] = "use --build-arg BUILDKIT_SANDBOX_HOSTNAME=NAME",
        ["--no-hosts"] = ByNetwork,
        ["--omit-history"] = "use a last stage: FROM scratch, then COPY --from=STAGE / /",
        ["--pid"] = ByIsolation,
        ["--retry"] = "bld retries by itself",
        ["--retry-delay"] = "bld retries by itself",
        ["--rewrite-timestamp"] = "use -o type=...,rewrite-timestamp=true",
        ["--runtime"] = "bld runs steps itself: see --isolation",
        ["--runtime-flag"] = "bld runs steps itself: see --isolation",
        ["--sign-by"] = "sign the pushed image, for instance with cosign",
        ["--squash-all"] = "add a last stage: FROM scratch, then COPY --from=STAGE / /",
        ["--stdin"] = "use a here-document: RUN <<EOF",
        ["--unsetenv"] = UseEnv,
        ["--unsetlabel"] = UseEnv,
        ["--userns"] = ByIsolation,
        ["--userns-uid-map"] = ByIsolation,
        ["--userns-gid-map"] = ByIsolation,
        ["--uts"] = ByIsolation,
        ["--volume"] = UseMount,
        ["-v"] = UseMount,
        ["--mount"] = UseMount,

        // kaniko
        ["--context"] = "give the context as the operand: bld build PATH|URL|-",
        ["--context-sub-path"] = "give it as the operand: bld build PATH/SUB or URL#REF:SUB",
        ["--dockerfile"] = "use -f FILE",
        ["--destination"] = ByTag,
        ["--no-push"] = "leave it out: bld pushes only when asked by --push",
        ["--tar-path"] = "use -o type=docker,dest=FILE",
        ["--tarPath"] = "use -o type=docker,dest=FILE",
        ["--oci-layout-path"] = "use -o type=oci,tar=false,dest=DIR",
        ["--digest-file"] = "use --metadata-file FILE and its containerimage.digest",
        ["--image-name-with-digest-file"] = "use --metadata-file FILE and its containerimage.digest",
        ["--image-name-tag-with-digest-file"] = "use --metadata-file FILE and its containerimage.digest",
        ["--cache"] = "steps are always cached here; share them by --cache-to and --cache-from",
        ["--cache-repo"] = "use --cache-to and --cache-from type=registry,ref=REPO",
        ["--cache-dir"] = "use --cache-from type=local,src=DIR",
        ["--cache-ttl"] = "use bld builder prune --filter until=TIME",
        ["--cache-copy-layers"] = "copied layers are always cached: leave it out",
        ["--cache-run-layers"] = "RUN layers are always cached: leave it out",
        ["--compressed-caching"] = "leave it out: layers pass by without staying in memory",
        ["--custom-platform"] = "use --platform OS/ARCH",
        ["--force"] = "leave it out: bld changes nothing outside its store",
        ["--git"] = "use the URL's own form: URL#REF:SUBDIR or URL?ref=REF&submodules=false",
        ["--ignore-path"] = "leave it out: bld takes no snapshot of its own root",
        ["--ignore-var-run"] = "leave it out: bld takes no snapshot of its own root",
        ["--insecure"] = "use --insecure-registry HOST",
        ["--insecure-pull"] = "use --insecure-registry HOST",
        ["--log-format"] = "use --progress plain or rawjson",
        ["--verbosity"] = "use --progress plain or quiet",
        ["--push-retry"] = "bld retries by itself",
        ["--image-download-retry"] = "bld retries by itself",
        ["--image-fs-extract-retry"] = "leave it out",
        ["--registry-certificate"] = "use --cert-dir DIR",
        ["--registry-client-cert"] = "use --cert-dir DIR",
        ["--registry-map"] = "use --registry-mirror NAME=HOST",
        ["--reproducible"] = "use --timestamp SECONDS -o type=...,rewrite-timestamp=true",
        ["--single-snapshot"] = "add a last stage: FROM scratch, then COPY --from=STAGE / /",
        ["--skip-tls-verify"] = "use --tls-verify=false",
        ["--skip-tls-verify-pull"] = "use --tls-verify=false",
        ["--skip-tls-verify-registry"] = "use --insecure-registry HOST",
        ["--skip-unused-stages"] = "leave it out: stages that are not needed are never built",
        ["--snapshot-mode"] = "leave it out: bld takes layers from what a step wrote",
        ["--snapshotMode"] = "leave it out: bld takes layers from what a step wrote",
        ["--use-new-run"] = "leave it out: bld takes layers from what a step wrote",
        ["--cleanup"] = "leave it out: a build leaves nothing behind",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, string> s_run = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["--memory-swap"] = NoLimits,
        ["--memory-reservation"] = NoLimits,
        ["--cpu-shares"] = NoLimits,
        ["-c"] = NoLimits,
        ["--cpu-quota"] = ByCpus,
        ["--cpu-period"] = ByCpus,
        ["--cpuset-cpus"] = NoLimits,
        ["--cgroup-parent"] = NoLimits,
        ["--cgroupns"] = ByIsolation,
        ["--device"] = "use --privileged, or -v /dev/NAME:/dev/NAME",
        ["--gpus"] = "mount the driver by -v",
        ["--restart"] = "bld has no daemon that could start it again: use systemd or a loop",
        ["--health-cmd"] = "bld runs no health checks: use bld exec",
        ["--health-interval"] = "bld runs no health checks: use bld exec",
        ["--health-retries"] = "bld runs no health checks: use bld exec",
        ["--health-timeout"] = "bld runs no health checks: use bld exec",
        ["--health-start-period"] = "bld runs no health checks: use bld exec",
        ["--no-healthcheck"] = "leave it out: bld runs no health checks",
        ["--log-driver"] = "read the output by bld logs",
        ["--log-opt"] = "read the output by bld logs",
        ["--link"] = "bld has no networks of containers: use --network host",
        ["--network-alias"] = "bld has no networks of containers: use --network host",
        ["--ip"] = "bld has no networks of containers: publish ports by -p",
        ["--mac-address"] = "bld has no networks of containers",
        ["--dns"] = "mount a resolv.conf: -v FILE:/etc/resolv.conf:ro",
        ["--dns-search"] = "mount a resolv.conf: -v FILE:/etc/resolv.conf:ro",
        ["--dns-option"] = "mount a resolv.conf: -v FILE:/etc/resolv.conf:ro",
        ["--pid"] = ByIsolation,
        ["--ipc"] = ByIsolation,
        ["--uts"] = ByIsolation,
        ["--userns"] = ByIsolation,
        ["--sysctl"] = "set it on the machine",
        ["--group-add"] = "use -u USER:GROUP",
        ["--attach"] = "leave out -d: the output comes here",
        ["-a"] = "leave out -d: the output comes here",
        ["--detach-keys"] = NoDaemon,
        ["--volumes-from"] = "name the volumes by -v",
        ["--volume-driver"] = "use -v with a directory",
        ["--storage-opt"] = "leave it out",
        ["--runtime"] = "bld runs containers itself",
        ["--isolation"] = NoDaemon,
        ["--oom-kill-disable"] = NoLimits,
        ["--oom-score-adj"] = NoLimits,
        ["--domainname"] = "use --hostname NAME.DOMAIN",
        ["--label-file"] = "use --label",
        ["--expose"] = "use -p",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What to do in place of a flag that a command does not have; null when nobody has it.</summary>
    public static string? HintFor(string command, string flag) => command switch
    {
        "build" => s_build.GetValueOrDefault(flag),
        "run" or "create" => s_run.GetValueOrDefault(flag),
        _ => null,
    };
}

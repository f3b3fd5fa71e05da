// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;

namespace Builder.Cli.Building;

/// <summary>The options of <c>bld build</c>, as docker and BuildKit name them.</summary>
internal sealed class BuildOptions
{
    public Argument<string> Context { get; } =
        OptionFactory.Operand("PATH|URL|-", "The build context: a directory, a tarball, a git or http URL, or '-'");

    public Option<string?> File { get; } =
        OptionFactory.Text("--file", "FILE", "The Dockerfile (default: PATH/Dockerfile; '-' is standard input)", "-f");

    public Option<string[]> Tag { get; } = OptionFactory.List("--tag", "NAME[:TAG]", "Name the result", "-t");

    public Option<string?> Target { get; } = OptionFactory.Text("--target", "STAGE", "Build this stage");

    public Option<string[]> BuildArg { get; } =
        OptionFactory.List("--build-arg", "KEY[=VALUE]", "Set a build argument (without a value: from the environment)");

    public Option<string[]> BuildArgFile { get; } =
        OptionFactory.List("--build-arg-file", "FILE", "Read build arguments from a file, one KEY=VALUE a line");

    public Option<string[]> BuildContext { get; } = OptionFactory.List(
        "--build-context", "NAME=SOURCE", "A further context: a directory, URL, docker-image:// or oci-layout://");

    public Option<string[]> Label { get; } = OptionFactory.List("--label", "KEY=VALUE", "Set a label");

    public Option<string[]> Annotation { get; } = OptionFactory.List(
        "--annotation", "[LEVEL:]KEY=VALUE", "Annotate the manifest (or index, manifest-descriptor, index-descriptor)");

    public Option<string?> IgnoreFile { get; } =
        OptionFactory.Text("--ignorefile", "FILE", "Use this ignore file", "--ignore-file");

    public Option<string[]> DeviceDirectory { get; } = OptionFactory.List(
        "--cdi-spec-dir", "DIR", "Find devices of RUN --device here (default /etc/cdi, /var/run/cdi, /etc/buildkit/cdi)");

    public Option<string[]> Platform { get; } = OptionFactory.List("--platform", "OS/ARCH", "Build for this platform");

    public Option<string?> Pull { get; } = OptionFactory.OptionalText(
        "--pull", "POLICY", "Look base images up in their registries (always, missing, never)");

    public Option<bool> NoCache { get; } = OptionFactory.Flag("--no-cache", "Run every step");

    public Option<bool> Explain { get; } = OptionFactory.Flag("--explain", "Tell afterwards why each step ran or did not");

    public Option<string[]> NoCacheFilter { get; } =
        OptionFactory.List("--no-cache-filter", "STAGE,...", "Run every step of these stages");

    public Option<string[]> CacheFrom { get; } =
        OptionFactory.List("--cache-from", "SOURCE", "Take step results from here (type=registry,ref=...)");

    public Option<string[]> CacheTo { get; } =
        OptionFactory.List("--cache-to", "DESTINATION", "Give step results to here (type=registry,ref=...,mode=max)");

    public Option<string[]> Output { get; } = OptionFactory.List(
        "--output", "OUTPUT", "type=oci|docker|local|tar|image|registry|cacheonly[,dest=...][,name=...][,push=true]", "-o");

    public Option<bool> Push { get; } = OptionFactory.Flag("--push", "Push the result: --output type=registry");

    public Option<bool> Load { get; } = OptionFactory.Flag("--load", "Keep the result in the local store: --output type=image");

    public Option<string?> IdFile { get; } = OptionFactory.Text("--iidfile", "FILE", "Write the image's id here");

    public Option<string?> MetadataFile { get; } =
        OptionFactory.Text("--metadata-file", "FILE", "Write the result's digests here, as JSON");

    public Option<bool> Quiet { get; } = OptionFactory.Flag("--quiet", "Show only the image's id", "-q");

    public Option<string?> Progress { get; } =
        OptionFactory.Text("--progress", "KIND", "auto, plain, tty, rawjson or quiet");

    public Option<string[]> Secret { get; } = OptionFactory.List(
        "--secret", "id=ID[,src=FILE|env=NAME]", "Offer a secret to RUN --mount=type=secret");

    public Option<string[]> Ssh { get; } = OptionFactory.List(
        "--ssh", "ID[=SOCKET]", "Offer an SSH agent to RUN --mount=type=ssh");

    public Option<string[]> Allow { get; } = OptionFactory.List(
        "--allow", "ENTITLEMENT", "Permit network.host, security.insecure, device or device=NAME");

    public Option<string[]> AddHost { get; } = OptionFactory.List("--add-host", "NAME:ADDRESS", "Add a line to /etc/hosts");

    public Option<string?> ShmSize { get; } = OptionFactory.Text("--shm-size", "SIZE", "Size of /dev/shm");

    public Option<string[]> Ulimit { get; } = OptionFactory.List("--ulimit", "NAME=SOFT[:HARD]", "Limit a resource");

    public Option<string?> Memory { get; } = OptionFactory.Text("--memory", "SIZE", "Limit the memory of each step", "-m");

    public Option<string?> Cpus { get; } =
        OptionFactory.Text("--cpus", "NUMBER", "Limit each step's time on processors: 1.5 is one and a half");

    public Option<int?> PidsLimit { get; } = OptionFactory.Number("--pids-limit", "NUMBER", "Limit the processes of each step");

    public Option<string?> Network { get; } = OptionFactory.Text("--network", "MODE", "default, none or host");

    public Option<string?> Timestamp { get; } = OptionFactory.Text(
        "--timestamp", "SECONDS", "Use this time for everything made (as $SOURCE_DATE_EPOCH)", "--source-date-epoch");

    public Option<int?> Jobs { get; } = OptionFactory.Number("--jobs", "N", "Steps that may run at the same time");

    public Option<bool> Check { get; } = OptionFactory.Flag("--check", "Check the Dockerfile instead of building");

    public Option<string?> Call { get; } = OptionFactory.Text("--call", "METHOD", "build, check, outline or targets");

    /// <summary>How registries are reached.</summary>
    public RegistryFlags Registry { get; } = new();

    /// <summary>How steps are isolated.</summary>
    public Option<string?> Isolation { get; } = IsolationFlag.Create();

    /// <summary>Adds all of them to the command.</summary>
    public void AddTo(Command command)
    {
        command.Add(Context);
        foreach (Option option in (Option[])
        [
            File, IgnoreFile, Tag, Target, BuildArg, BuildArgFile, BuildContext, Label, Annotation, Platform, Pull, NoCache, NoCacheFilter, Explain, CacheFrom, CacheTo,
            Output, Push, Load, IdFile, MetadataFile, Quiet, Progress, Secret, Ssh, Allow, AddHost, ShmSize, Ulimit, Memory, Cpus, PidsLimit, Network,
            Timestamp, Jobs, Check, Call, Isolation, DeviceDirectory,
        ])
        {
            command.Add(option);
        }

        Registry.AddTo(command);
        FixedOptions.AddTo(command);
    }
}

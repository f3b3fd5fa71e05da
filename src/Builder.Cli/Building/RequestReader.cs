// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Cli.Running;
using Builder.Executor.Context;
using Builder.Executor.Running;
using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver;
using Builder.Solver.Operations;

namespace Builder.Cli.Building;

/// <summary>Turns the command line of <c>build</c> into the solver's request.</summary>
internal sealed class RequestReader(CliContext cli, BuildOptions options, ParseResult parsed)
{
    private const string EpochVariable = "SOURCE_DATE_EPOCH";
    private const string DevicePrefix = "device=";

    /// <summary>Where the sources are.</summary>
    public ContextOptions ReadContext() => new()
    {
        Context = parsed.GetRequiredValue(options.Context) is { Length: > 0 } context
            ? context
            : throw new UsageException("the build context is empty") { Hint = "give a directory, a URL or -, for instance bld build ." },
        IgnoreFilePath = parsed.GetValue(options.IgnoreFile),
        DockerfilePath = parsed.GetValue(options.File),
        NamedContexts = ReadNamedContexts(),
        OpenStandardInput = cli.OpenStandardInput,
    };

    /// <summary>The request for a Dockerfile.</summary>
    /// <exception cref="UsageException">A value is malformed.</exception>
    public BuildRequest Read(Dockerfile dockerfile)
    {
        ImmutableArray<KeyValuePair<string, string>> buildArgs = ReadBuildArgs();
        string[] allowed = ReadEntitlements();
        NetworkMode network = ReadNetwork();
        return new BuildRequest
        {
            Dockerfile = dockerfile,
            HostPlatform = Platforms.Host,
            Platforms = [.. (parsed.GetValue(options.Platform) ?? []).SelectMany(text => text.Split(',')).Select(Platforms.Parse).Distinct()],
            Target = parsed.GetValue(options.Target) is { Length: > 0 } target ? target : null,
            BuildArgs = buildArgs,
            Labels = OptionValues.ParsePairs("--label", parsed.GetValue(options.Label), _ => ""),
            NoCache = parsed.GetValue(options.NoCache),
            NoCacheFilter = [.. (parsed.GetValue(options.NoCacheFilter) ?? []).SelectMany(text => text.Split(','))],
            Pull = ImageLookup.ParsePolicy(parsed.GetValue(options.Pull)),
            Network = network,
            AllowHostNetwork = allowed.Contains("network.host") || network == NetworkMode.Host,
            AllowInsecure = allowed.Contains("security.insecure"),
            AllowDevices = allowed.Contains("device"),
            AllowedDevices =
            [
                .. allowed.Where(name => name.StartsWith(DevicePrefix, StringComparison.Ordinal))
                    .Select(name => name[DevicePrefix.Length..]),
            ],
            ExtraHosts = OptionValues.ParseHosts(parsed.GetValue(options.AddHost)),
            ShmSizeBytes = parsed.GetValue(options.ShmSize) is { } size ? ParseSize(size) : 0,
            Ulimits = OptionValues.ParseUlimits(parsed.GetValue(options.Ulimit)),
            SourceDateEpoch = parsed.GetValue(options.Timestamp)
                ?? buildArgs.LastOrDefault(arg => arg.Key == EpochVariable).Value
                ?? cli.Variable(EpochVariable),
            Jobs = parsed.GetValue(options.Jobs) is { } jobs
                ? jobs > 0 ? jobs : throw new UsageException($"invalid argument \"{jobs}\" for --jobs: not a positive number")
                : Math.Max(4, Environment.ProcessorCount),
            Project = ReadProject(),
        };
    }

    /// <summary>Build args; one without a value takes the caller's, and is left out when that is not set.</summary>
    public ImmutableArray<KeyValuePair<string, string>> ReadBuildArgs() =>
    [
        .. (parsed.GetValue(options.BuildArgFile) ?? []).SelectMany(file =>
            OptionValues.ParsePairs("--build-arg-file", [.. EnvironmentValues.ReadFile(cli, file)], cli.Variable)),
        .. OptionValues.ParsePairs("--build-arg", parsed.GetValue(options.BuildArg), cli.Variable),
    ];

    /// <summary>The names to give: <c>-t</c>.</summary>
    public ImmutableArray<ImageReference> ReadTags() =>
        [.. (parsed.GetValue(options.Tag) ?? []).Select(Composition.ParseTag)];

    /// <summary><c>--annotation</c>.</summary>
    public ImmutableArray<Executor.Images.ImageAnnotation> ReadAnnotations() =>
        [.. (parsed.GetValue(options.Annotation) ?? []).SelectMany(text => AnnotationSpec.Parse(text))];

    /// <summary>What to do with the result; without any option it goes to the local store.</summary>
    public ImmutableArray<OutputSpec> ReadOutputs()
    {
        List<OutputSpec> outputs = [.. (parsed.GetValue(options.Output) ?? []).Select(OutputSpec.Parse)];
        if (parsed.GetValue(options.Push))
        {
            int image = outputs.FindIndex(output => output.Kind == OutputKind.Image);
            OutputSpec pushed = (image < 0 ? new OutputSpec { Kind = OutputKind.Image } : outputs[image]) with { Push = true };
            outputs.Remove(image < 0 ? pushed : outputs[image]);
            outputs.Add(pushed);
        }

        if (outputs.Count == 0 || (parsed.GetValue(options.Load) && outputs.TrueForAll(output => !output.IsStored)))
        {
            outputs.Add(new OutputSpec { Kind = OutputKind.Image });
        }

        return outputs.Count(output => output.Destination == OutputSpec.StandardOutput) <= 1
            ? [.. outputs]
            : throw new UsageException("only one output can go to standard output");
    }

    private ImmutableArray<KeyValuePair<string, string>> ReadNamedContexts()
    {
        ImmutableArray<KeyValuePair<string, string>> contexts = OptionValues.ParsePairs(
            "--build-context", parsed.GetValue(options.BuildContext), name => throw InvalidContext(name));
        return contexts.FirstOrDefault(context => context.Value.Length == 0).Key is { } empty
            ? throw InvalidContext(empty + "=")
            : contexts;
    }

    private static UsageException InvalidContext(string name) => new($"invalid argument \"{name}\" for --build-context")
    {
        Hint = "NAME=DIRECTORY|URL|docker-image://REF|oci-layout://DIR",
    };

    /// <summary>The Dockerfile's absolute path, by which <c>bld why</c> finds the build; a context elsewhere by its name.</summary>
    private string ReadProject()
    {
        string context = parsed.GetRequiredValue(options.Context);
        string path = parsed.GetValue(options.File) ?? Path.Combine(context, "Dockerfile");
        return File.Exists(path) ? Path.GetFullPath(path) : $"{context} {path}";
    }

    private string[] ReadEntitlements()
    {
        string[] allowed = [.. (parsed.GetValue(options.Allow) ?? []).SelectMany(text => text.Split(','))];
        string? unknown = allowed.FirstOrDefault(name =>
            name is not ("network.host" or "security.insecure" or "device")
            && !(name.StartsWith(DevicePrefix, StringComparison.Ordinal) && name.Length > DevicePrefix.Length));
        return unknown is null
            ? allowed
            : throw new UsageException($"invalid argument \"{unknown}\" for --allow")
            {
                Hint = "one of network.host, security.insecure, device, device=VENDOR/CLASS[=NAME]",
            };
    }

    private static long ParseSize(string text)
    {
        try
        {
            return ByteSize.Parse(text);
        }
        catch (BuildException failure)
        {
            throw new UsageException($"invalid argument \"{text}\" for --shm-size", failure) { Hint = failure.Hint };
        }
    }

    private NetworkMode ReadNetwork() => parsed.GetValue(options.Network) switch
    {
        null or "default" or "bridge" => NetworkMode.Default,
        "none" => NetworkMode.None,
        "host" => NetworkMode.Host,
        string other => throw new UsageException($"invalid argument \"{other}\" for --network") { Hint = "one of default, none, host" },
    };
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Executor.Images;
using Builder.Solver.Images;

namespace Builder.Executor.Running;

/// <summary>What <c>run</c> and <c>create</c> ask for beyond the image; null means that the image decides.</summary>
public sealed record ContainerRequest
{
    private const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The image as it was asked for.</summary>
    public required string Image { get; init; }

    /// <summary>Takes the place of CMD; empty leaves it.</summary>
    public ImmutableArray<string> Arguments { get; init; } = [];

    /// <summary><c>--entrypoint</c>; "" removes the image's.</summary>
    public string? Entrypoint { get; init; }

    /// <summary><c>-e</c> and <c>--env-file</c> in order: "NAME=VALUE", or "NAME" to remove one.</summary>
    public ImmutableArray<string> Environment { get; init; } = [];

    /// <summary><c>-w</c>.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary><c>-u</c>.</summary>
    public string? User { get; init; }

    /// <summary><c>--stop-signal</c>.</summary>
    public string? StopSignal { get; init; }

    /// <summary><c>-P</c>: publish every exposed port at a port that the kernel chooses.</summary>
    public bool PublishAll { get; init; }

    /// <summary>Labels in addition to the image's.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Labels { get; init; } = [];

    /// <summary>
    /// Everything that the image has no say in; the fields that this request decides are overwritten by
    /// <see cref="Complete"/>.
    /// </summary>
    public required ContainerRecord Template { get; init; }

    /// <summary>A template with nothing asked for.</summary>
    public static ContainerRecord EmptyTemplate { get; } = new()
    {
        Id = "",
        Name = "",
        Image = "",
        ImageId = "",
        Layers = [],
        Created = default,
        Arguments = [],
    };

    /// <summary>The container that this request and the image make together, as docker combines them.</summary>
    /// <exception cref="RunException">There is no command.</exception>
    public ContainerRecord Complete(StoredImage image, DateTimeOffset now)
    {
        ImageConfig config = image.Config;
        string id = ContainerName.NewId();
        string hostname = Template.Hostname.Length > 0 ? Template.Hostname : id[..12];
        ImmutableSortedDictionary<string, string> labels = config.Labels.SetItems(Labels);
        return Template with
        {
            Id = id,
            Image = Image,
            ImageId = image.Id.ToString(),
            Layers = [.. config.RootFs.Layers.Select(layer => layer.ToString())],
            Created = now,
            Arguments = Command(config),
            Environment = EnvironmentOf(config, hostname),
            WorkingDirectory = Absolute(WorkingDirectory ?? config.WorkingDir),
            User = User ?? config.User ?? "",
            Hostname = hostname,
            Mounts = Mounts(config),
            Ports = [.. Template.Ports, .. PublishAll ? config.ExposedPorts.SelectMany(port => PortMapping.Parse(port)) : []],
            ExposedPorts = [.. config.ExposedPorts],
            Labels = labels,
            StopSignal = StopSignal ?? config.StopSignal ?? "SIGTERM",
        };
    }

    /// <summary>Sets a variable in an ordered list: the place of the first of that name is kept.</summary>
    public static void SetVariable(List<string> environment, string assignment)
    {
        int equals = assignment.IndexOf('=', StringComparison.Ordinal);
        string name = (equals < 0 ? assignment : assignment[..equals]) + "=";
        int index = environment.FindIndex(entry => entry.StartsWith(name, StringComparison.Ordinal));
        if (equals < 0)
        {
            environment.RemoveAll(entry => entry.StartsWith(name, StringComparison.Ordinal));
        }
        else if (index >= 0)
        {
            environment[index] = assignment;
        }
        else
        {
            environment.Add(assignment);
        }
    }

    private ImmutableArray<string> Command(ImageConfig config)
    {
        ImmutableArray<string> entrypoint = Entrypoint switch
        {
            null => config.Entrypoint ?? [],
            "" => [],
            _ => [Entrypoint],
        };

        // An entrypoint from the command line does not take the image's CMD as its arguments.
        ImmutableArray<string> arguments = !Arguments.IsEmpty ? Arguments
            : Entrypoint is null or "" ? config.Cmd ?? [] : [];
        ImmutableArray<string> command = [.. entrypoint, .. arguments];
        return !command.IsEmpty
            ? command
            : throw new RunException(RunFailure.NotStarted, $"run {Image}: no command specified")
            {
                Hint = "the image has neither ENTRYPOINT nor CMD: give a command after the image",
            };
    }

    private ImmutableArray<string> EnvironmentOf(ImageConfig config, string hostname)
    {
        List<string> environment = [];
        SetVariable(environment, DefaultPath);
        SetVariable(environment, "HOSTNAME=" + hostname);
        if (Template.Terminal)
        {
            SetVariable(environment, "TERM=xterm");
        }

        foreach (string entry in config.Env.Concat(Environment))
        {
            SetVariable(environment, entry);
        }

        return [.. environment];
    }

    private ImmutableArray<ContainerMount> Mounts(ImageConfig config)
    {
        HashSet<string> targets = [.. Template.Mounts.Select(mount => mount.Target)];
        IEnumerable<ContainerMount> declared = config.Volumes
            .Select(volume => "/" + volume.Trim('/'))
            .Where(volume => volume.Length > 1 && !targets.Contains(volume))
            .Select(volume => new ContainerMount { Kind = ContainerMountKind.Volume, Target = volume });
        return [.. Template.Mounts, .. declared];
    }

    private static string Absolute(string? path) => path switch
    {
        null or "" => "/",
        _ when path.StartsWith('/') => path,
        _ => throw new RunException(
            RunFailure.Malformed, string.Create(CultureInfo.InvariantCulture, $"working directory \"{path}\": not an absolute path")),
    };
}

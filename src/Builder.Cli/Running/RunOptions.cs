// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Executor.Running;
using Builder.Executor.Sandbox.ControlGroups;

namespace Builder.Cli.Running;

/// <summary>The options of <c>run</c> and <c>create</c>, as docker names them.</summary>
internal sealed class RunOptions
{
    private static readonly string[] s_securityOptions =
        ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true", "no-new-privileges:false"];

    private readonly Option<string[]> _env = OptionFactory.List("--env", "NAME[=VALUE]", "Set a variable", "-e");
    private readonly Option<string[]> _envFile = OptionFactory.List("--env-file", "FILE", "Read variables from a file");
    private readonly Option<string[]> _volume = OptionFactory.List(
        "--volume", "[SOURCE:]TARGET[:ro]", "Mount a directory or a volume", "-v");
    private readonly Option<string[]> _mount = OptionFactory.List("--mount", "type=...,src=...,dst=...", "Attach a mount");
    private readonly Option<string[]> _tmpfs = OptionFactory.List("--tmpfs", "TARGET[:OPTIONS]", "Mount memory");
    private readonly Option<string[]> _publish = OptionFactory.List(
        "--publish", "[IP:][HOST:]CONTAINER[/udp]", "Publish a port", "-p");
    private readonly Option<bool> _publishAll = OptionFactory.Flag("--publish-all", "Publish all exposed ports", "-P");
    private readonly Option<string?> _workdir = OptionFactory.Text("--workdir", "DIR", "Working directory inside", "-w");
    private readonly Option<string?> _user = OptionFactory.Text("--user", "USER[:GROUP]", "Run as this user", "-u");
    private readonly Option<string?> _entrypoint = OptionFactory.Text("--entrypoint", "COMMAND", "Replace the entrypoint");
    private readonly Option<string?> _hostname = OptionFactory.Text("--hostname", "NAME", "Host name inside", "-h");
    private readonly Option<string?> _network = OptionFactory.Text(
        "--network", "MODE", "default, host, none or private", "--net");
    private readonly Option<string[]> _addHost = OptionFactory.List("--add-host", "NAME:ADDRESS", "Add a line to /etc/hosts");
    private readonly Option<string[]> _capAdd = OptionFactory.List("--cap-add", "CAPABILITY", "Add a capability");
    private readonly Option<string[]> _capDrop = OptionFactory.List("--cap-drop", "CAPABILITY", "Take a capability away");
    private readonly Option<string[]> _security = OptionFactory.List("--security-opt", "OPTION", "no-new-privileges");
    private readonly Option<bool> _privileged = OptionFactory.Flag("--privileged", "Everything that bld itself may do");
    private readonly Option<bool> _readOnly = OptionFactory.Flag("--read-only", "The root cannot be written");
    private readonly Option<bool> _init = OptionFactory.Flag("--init", "Run a small init as process 1");
    private readonly Option<string[]> _label = OptionFactory.List("--label", "KEY[=VALUE]", "Set a label", "-l");
    private readonly Option<string?> _stopSignal = OptionFactory.Text("--stop-signal", "SIGNAL", "The signal that asks it to end");
    private readonly Option<int?> _stopTimeout = OptionFactory.Number("--stop-timeout", "SECONDS", "Time between that and KILL");
    private readonly Option<string?> _shmSize = OptionFactory.Text("--shm-size", "SIZE", "Size of /dev/shm");
    private readonly Option<string[]> _ulimit = OptionFactory.List("--ulimit", "NAME=SOFT[:HARD]", "Limit a resource");

    private readonly Option<string?> _memory = OptionFactory.Text("--memory", "SIZE", "Limit memory", "-m");
    private readonly Option<string?> _cpus = OptionFactory.Text("--cpus", "NUMBER", "Limit time on processors: 1.5 is one and a half");
    private readonly Option<int?> _pidsLimit = OptionFactory.Number("--pids-limit", "NUMBER", "Limit processes");

    /// <summary><c>--name</c>.</summary>
    public Option<string?> Name { get; } = OptionFactory.Text("--name", "NAME", "Name the container");

    /// <summary><c>-d</c>.</summary>
    public Option<bool> Detach { get; } = OptionFactory.Flag("--detach", "Run in the background and show its id", "-d");

    /// <summary><c>-i</c>.</summary>
    public Option<bool> Interactive { get; } = OptionFactory.Flag("--interactive", "Keep standard input open", "-i");

    /// <summary><c>-t</c>.</summary>
    public Option<bool> Tty { get; } = OptionFactory.Flag("--tty", "Give it a terminal", "-t");

    /// <summary><c>--rm</c>.</summary>
    public Option<bool> Remove { get; } = OptionFactory.Flag("--rm", "Remove it when it ends");

    /// <summary><c>--sig-proxy</c>.</summary>
    public Option<bool> ForwardSignals { get; } = OptionFactory.Flag("--sig-proxy", "Forward signals (default true)");

    /// <summary><c>--cidfile</c>.</summary>
    public Option<string?> IdFile { get; } = OptionFactory.Text("--cidfile", "FILE", "Write the id here");

    /// <summary><c>--pull</c>.</summary>
    public Option<string?> Pull { get; } = OptionFactory.Text("--pull", "POLICY", "always, missing or never");

    /// <summary><c>-q</c>.</summary>
    public Option<bool> Quiet { get; } = OptionFactory.Flag("--quiet", "Do not show the pull", "-q");

    /// <summary><c>--platform</c>.</summary>
    public Option<string?> Platform { get; } = OptionFactory.Text("--platform", "OS/ARCH", "Use the image of this platform");

    /// <summary>Adds all of them to a command.</summary>
    public void AddTo(Command command, bool withDetach)
    {
        foreach (Option option in (Option[])
        [
            Interactive, Tty, Name, _env, _envFile, _volume, _mount, _tmpfs, _publish, _publishAll, _workdir, _user,
            _entrypoint, _hostname, _network, _addHost, _capAdd, _capDrop, _security, _privileged, _readOnly, _init,
            _label, _stopSignal, _stopTimeout, _shmSize, _ulimit, _memory, _cpus,
            _pidsLimit, Remove, IdFile, Pull, Quiet, Platform,
        ])
        {
            command.Add(option);
        }

        ForwardSignals.DefaultValueFactory = _ => true;
        if (withDetach)
        {
            command.Add(Detach);
            command.Add(ForwardSignals);
        }
    }

    /// <summary>What the options ask for.</summary>
    /// <exception cref="UsageException">A value is malformed.</exception>
    public ContainerRequest Read(ParseResult parsed, CliContext cli, string image, ImmutableArray<string> arguments)
    {
        string here = Environment.CurrentDirectory;
        List<string> environment = [];
        foreach (string file in parsed.GetValue(_envFile) ?? [])
        {
            environment.AddRange(EnvironmentValues.ReadFile(cli, file));
        }

        environment.AddRange(EnvironmentValues.Read(cli, parsed.GetValue(_env)));
        return new ContainerRequest
        {
            Image = image,
            Arguments = arguments,
            Entrypoint = parsed.GetValue(_entrypoint),
            Environment = [.. environment],
            WorkingDirectory = parsed.GetValue(_workdir),
            User = parsed.GetValue(_user),
            StopSignal = parsed.GetValue(_stopSignal),
            PublishAll = parsed.GetValue(_publishAll),
            Labels = OptionValues.ParsePairs("--label", parsed.GetValue(_label), _ => ""),
            Template = ReadTemplate(parsed, here),
        };
    }

    private ContainerRecord ReadTemplate(ParseResult parsed, string here) => ContainerRequest.EmptyTemplate with
    {
        Hostname = parsed.GetValue(_hostname) ?? "",
        Terminal = parsed.GetValue(Tty),
        Interactive = parsed.GetValue(Interactive),
        AutoRemove = parsed.GetValue(Remove),
        Init = parsed.GetValue(_init),
        ReadOnly = parsed.GetValue(_readOnly),
        Privileged = parsed.GetValue(_privileged),
        NoNewPrivileges = ReadSecurity(parsed.GetValue(_security)),
        AddedCapabilities = [.. parsed.GetValue(_capAdd) ?? []],
        DroppedCapabilities = [.. parsed.GetValue(_capDrop) ?? []],
        Mounts =
        [
            .. (parsed.GetValue(_volume) ?? []).Select(text => ContainerMount.ParseVolume(text, here)),
            .. (parsed.GetValue(_mount) ?? []).Select(text => ContainerMount.ParseMount(text, here)),
            .. (parsed.GetValue(_tmpfs) ?? []).Select(ContainerMount.ParseTmpfs),
        ],
        Ports = [.. (parsed.GetValue(_publish) ?? []).SelectMany(text => PortMapping.Parse(text))],
        Network = ReadNetwork(parsed.GetValue(_network)),
        ExtraHosts = OptionValues.ParseHosts(parsed.GetValue(_addHost)),
        ShmSizeBytes = parsed.GetValue(_shmSize) is { } size ? ByteSize.Parse(size) : 0,
        Ulimits = OptionValues.ParseUlimits(parsed.GetValue(_ulimit)),
        MemoryBytes = ReadLimits(parsed).MemoryBytes,
        CpuMicroseconds = ReadLimits(parsed).CpuMicroseconds,
        MaxProcesses = ReadLimits(parsed).Processes,
        StopTimeoutSeconds = parsed.GetValue(_stopTimeout) ?? ContainerRequest.EmptyTemplate.StopTimeoutSeconds,
    };

    private static ContainerNetwork ReadNetwork(string? text) => text switch
    {
        null or "default" or "bridge" => ContainerNetwork.Default,
        "host" => ContainerNetwork.Host,
        "none" => ContainerNetwork.None,
        "private" or "pasta" => ContainerNetwork.Private,
        _ => throw new UsageException($"invalid argument \"{text}\" for --network")
        {
            Hint = "one of default, host, none, private; named networks need a daemon",
        },
    };

    private GroupLimits ReadLimits(ParseResult parsed) => OptionValues.ParseLimits(
        parsed.GetValue(_memory), parsed.GetValue(_cpus), parsed.GetValue(_pidsLimit));

    private static bool ReadSecurity(string[]? options)
    {
        foreach (string option in options ?? [])
        {
            if (!s_securityOptions.Contains(option))
            {
                throw new UsageException($"security option \"{option}\" is not supported") { Hint = "no-new-privileges is" };
            }
        }

        return options is { Length: > 0 } && !options[^1].EndsWith("false", StringComparison.Ordinal);
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Builder.Frontend.Instructions;
using Builder.Solver.Graph;
using Builder.Solver.Operations;

namespace Builder.Solver.Lowering;

/// <summary>Turns RUN into a vertex: the command in its forms, what it sees, and its flags.</summary>
internal sealed class RunLowering
{
    private const string HostnameArgument = "BUILDKIT_SANDBOX_HOSTNAME";
    private const string DefaultHostname = "buildkitsandbox";

    private readonly LoweringContext _context;
    private readonly MountLowering _mounts;

    /// <summary>Creates the lowering.</summary>
    public RunLowering(LoweringContext context, StageLowering stages)
    {
        _context = context;
        _mounts = new MountLowering(context, stages);
    }

    /// <summary>Lowers one RUN.</summary>
    /// <exception cref="SolveException">A flag is wrong, or not allowed in this build.</exception>
    public void Lower(ResolvedStage resolved, LoweredStage stage, RunInstruction run)
    {
        (ImmutableArray<string> arguments, ImmutableArray<PipeFile> pipes) = Command(stage, run);
        ImmutableArray<DeviceRequest> devices = Devices(stage, run);
        VertexOrigin origin = StepNames.Next(_context, stage, run, DisplayText(run)) with
        {
            Words = run.IsFromOnBuild ? [] : [.. devices.Zip(run.Devices, (device, word) => (device.Name, word.Span))],
        };
        BuildRequest request = _context.Request;
        ImmutableArray<VertexMount> mounts = _mounts.Lower(resolved, stage, run, origin);
        var operation = new RunOperation
        {
            Arguments = arguments,
            Environment = stage.Variables.ToEnvironment(),
            UnkeyedEnvironment = UnkeyedEnvironment(stage),
            WorkingDirectory = ContainerPath.Clean(stage.Config.WorkingDirectory),
            User = stage.Config.User,
            Platform = stage.Platform,
            Network = Network(run),
            Insecure = IsInsecure(run),
            Devices = devices,
            Hostname = _context.Arguments.Find(HostnameArgument) ?? DefaultHostname,
            ExtraHosts = request.ExtraHosts,
            ShmSizeBytes = request.ShmSizeBytes,
            Ulimits = request.Ulimits,
            PipeFiles = pipes,
        };
        var vertex = new RunVertex
        {
            Origin = origin,
            Parent = stage.FileSystem,
            Operation = operation,
            Mounts = mounts,
            Platform = stage.Platform,
        };
        stage.FileSystem = _context.Add(vertex);
        stage.History.Add(new HistoryDraft($"RUN {ArgumentPrefix(stage)}{string.Join(' ', arguments)} # buildkit", vertex));
    }

    private static string DisplayText(RunInstruction run)
    {
        string text = StepNames.TextOf(run, StepNames.ArgumentsOf(run));
        if (run.Heredocs.IsEmpty)
        {
            return text;
        }

        string[] lines = run.Heredocs[0].Content.Trim().Split('\n');
        return $"{text} ({lines[0].TrimEnd('\r')}{(lines.Length > 1 ? "..." : "")})";
    }

    /// <summary>The ARGs that the command sees, as history shows them: <c>|2 A=1 B=2 </c>.</summary>
    private static string ArgumentPrefix(LoweredStage stage)
    {
        if (stage.DeclaredArgs.Count == 0)
        {
            return "";
        }

        var prefix = new StringBuilder().Append(CultureInfo.InvariantCulture, $"|{stage.DeclaredArgs.Count} ");
        foreach (string name in stage.DeclaredArgs)
        {
            prefix.Append(CultureInfo.InvariantCulture, $"{name}={stage.Variables.Find(name)} ");
        }

        return prefix.ToString();
    }

    private (ImmutableArray<string> Arguments, ImmutableArray<PipeFile> Pipes) Command(
        LoweredStage stage, RunInstruction run)
    {
        if (run.Command is ExecForm exec)
        {
            return exec.Arguments.IsEmpty
                ? throw _context.Words.Error(run.Span, "run []: there is no command")
                : (exec.Arguments, []);
        }

        string line = ((ShellForm)run.Command).CommandLine;
        if (run.Heredocs.IsEmpty)
        {
            return (stage.Config.Shell.Add(line), []);
        }

        if (run.Heredocs.Length == 1 && IsSoleHeredoc(line))
        {
            Heredoc script = run.Heredocs[0];
            return script.Content.StartsWith("#!", StringComparison.Ordinal)
                ? (stage.Config.Shell.Add($"/dev/pipes/{script.Name}"), [new PipeFile(script.Name, script.Content)])
                : (stage.Config.Shell.Add(script.Content), []);
        }

        // The shell itself is to read them: the text is put together again as it was written.
        var text = new StringBuilder(line);
        foreach (Heredoc heredoc in run.Heredocs)
        {
            text.Append('\n').Append(heredoc.Content).Append(heredoc.Name);
        }

        return (stage.Config.Shell.Add(text.ToString()), []);
    }

    private static bool IsSoleHeredoc(string line)
    {
        string word = line.Trim().TrimStart(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        if (!word.StartsWith("<<", StringComparison.Ordinal) || word.AsSpan(2).Contains('<'))
        {
            return false;
        }

        string name = word[2..].TrimStart('-').Trim();
        char quote = name.Length > 1 && name[0] is '"' or '\'' ? name[0] : '\0';
        return quote != '\0'
            ? name.IndexOf(quote, 1) == name.Length - 1
            : name.Length > 0 && !name.Any(char.IsWhiteSpace);
    }

    private NetworkMode Network(RunInstruction run)
    {
        NetworkMode asked = _context.Request.Network;
        if (run.Network is null)
        {
            return asked;
        }

        switch (run.Network.Text)
        {
            case "default":
                return asked;
            case "none":
                return NetworkMode.None;
            case "host" when _context.Request.AllowHostNetwork || asked == NetworkMode.Host:
                return NetworkMode.Host;
            case "host":
                throw _context.Words.Error(
                    run.Network.Span,
                    "run --network=host: it is not allowed in this build",
                    hint: "pass --allow network.host to bld build");
            default:
                throw _context.Words.Error(
                    run.Network.Span,
                    $"run --network=\"{run.Network}\": unknown network",
                    hint: Suggestion.For(run.Network.Text, ["default", "none", "host"]) ?? "it is default, none or host");
        }
    }

    private bool IsInsecure(RunInstruction run)
    {
        switch (run.Security?.Text)
        {
            case null or "sandbox":
                return false;
            case "insecure" when _context.Request.AllowInsecure:
                return true;
            case "insecure":
                throw _context.Words.Error(
                    run.Security.Span,
                    "run --security=insecure: it is not allowed in this build",
                    hint: "pass --allow security.insecure to bld build");
            default:
                throw _context.Words.Error(
                    run.Security.Span,
                    $"run --security=\"{run.Security}\": unknown mode",
                    hint: "it is sandbox or insecure");
        }
    }

    private ImmutableArray<DeviceRequest> Devices(LoweredStage stage, RunInstruction run)
    {
        ImmutableArray<DeviceRequest>.Builder devices = ImmutableArray.CreateBuilder<DeviceRequest>(run.Devices.Length);
        foreach (Word word in run.Devices)
        {
            string value = _context.Words.Expand(word, stage.Variables);
            try
            {
                RunDevice device = RunDevice.Parse(value);
                devices.Add(new DeviceRequest(device.Name, device.Required, IsAllowed(device.Name)));
            }
            catch (FormatException failure)
            {
                throw _context.Words.Error(word.Span, $"run --device={value}: {failure.Message}", failure);
            }
        }

        return devices.MoveToImmutable();
    }

    private bool IsAllowed(string device) =>
        _context.Request.AllowDevices
        || _context.Request.AllowedDevices.Any(allowed =>
            device == allowed || device.StartsWith(allowed + "=", StringComparison.Ordinal));

    /// <summary>Proxy variables, but not those that an ARG or ENV of the stage sets and the key therefore holds.</summary>
    private ImmutableArray<string> UnkeyedEnvironment(LoweredStage stage) =>
    [
        .. _context.Arguments.UnkeyedEnvironment.Where(
            variable => stage.Variables.Find(variable[..variable.IndexOf('=', StringComparison.Ordinal)]) is null),
    ];
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;
using Builder.Solver.Images;

namespace Builder.Solver.Lowering;

/// <summary>The instructions that make no layer: they edit the config and leave a line in history.</summary>
internal sealed class MetadataLowering
{
    private readonly LocatedExpander _words;
    private readonly BuildArguments _arguments;
    private readonly EnvironmentList _globals;

    /// <summary>Creates the lowering for one Dockerfile.</summary>
    public MetadataLowering(LocatedExpander words, BuildArguments arguments, EnvironmentList globals)
    {
        _words = words;
        _arguments = arguments;
        _globals = globals;
    }

    /// <summary>Lowers an instruction; false when it is none of these.</summary>
    /// <exception cref="SolveException">A value is not valid once expanded.</exception>
    public bool TryLower(LoweredStage stage, Instruction instruction)
    {
        switch (instruction)
        {
            case ArgInstruction arg:
                LowerArg(stage, arg);
                break;
            case EnvInstruction env:
                LowerEnv(stage, env);
                break;
            case LabelInstruction label:
                LowerLabel(stage, label);
                break;
            case MaintainerInstruction maintainer:
                stage.Config.SetAuthor(maintainer.Name.Text);
                stage.Record($"MAINTAINER {maintainer.Name}");
                break;
            case ExposeInstruction expose:
                LowerExpose(stage, expose);
                break;
            case UserInstruction user:
                stage.Config.SetUser(_words.Expand(user.User, stage.Variables));
                stage.Record($"USER {stage.Config.User}");
                break;
            case VolumeInstruction volume:
                LowerVolume(stage, volume);
                break;
            case CmdInstruction command:
                stage.Config.SetCommand(CommandLine(stage, command.Command));
                stage.HasCommand = true;
                stage.Record($"CMD {GoText.QuoteAll(stage.Config.Current.Cmd!.Value)}");
                break;
            case EntrypointInstruction entrypoint:
                stage.Config.SetEntrypoint(CommandLine(stage, entrypoint.Command), stage.HasCommand);
                stage.Record($"ENTRYPOINT {GoText.QuoteAll(stage.Config.Current.Entrypoint!.Value)}");
                break;
            case ShellInstruction shell:
                stage.Config.SetShell(shell.Shell);
                stage.Record($"SHELL [{string.Join(' ', shell.Shell)}]");
                break;
            case StopSignalInstruction signal:
                LowerStopSignal(stage, signal);
                break;
            case HealthcheckInstruction healthcheck:
                LowerHealthcheck(stage, healthcheck);
                break;
            case OnBuildInstruction trigger:
                stage.Config.AddTrigger(trigger.TriggerText);
                break;
            default:
                return false;
        }

        return true;
    }

    private static ImmutableArray<string> CommandLine(LoweredStage stage, CommandForm command) => command switch
    {
        ExecForm exec => exec.Arguments,
        ShellForm shell => stage.Config.Shell.Add(shell.CommandLine),
        _ => throw new InvalidOperationException($"a command of the unknown form {command.GetType().Name}"),
    };

    private void LowerArg(LoweredStage stage, ArgInstruction instruction)
    {
        var recorded = new List<string>();
        foreach (KeyValueWord definition in instruction.Definitions)
        {
            string name = definition.Key.Text;
            string? value = StageVariables.ValueOf(definition, stage.Variables, _arguments, _globals, _words);
            if (value is not null)
            {
                stage.Variables.Set(name, value);
            }

            if (!stage.DeclaredArgs.Contains(name))
            {
                stage.DeclaredArgs.Add(name);
            }

            recorded.Add(value is null ? name : $"{name}={value}");
        }

        stage.Record($"ARG {string.Join(' ', recorded)}");
    }

    private void LowerEnv(LoweredStage stage, EnvInstruction instruction)
    {
        // All values are expanded before the first is set: they see the environment from before the instruction.
        List<(string Name, string Value)> variables = ExpandPairs(stage, instruction.Variables);
        foreach ((string name, string value) in variables)
        {
            stage.Variables.Set(name, value);
            stage.Config.SetEnvironment(name, value);
        }

        stage.Record($"ENV {string.Join(' ', variables.Select(variable => $"{variable.Name}={variable.Value}"))}");
    }

    private void LowerLabel(LoweredStage stage, LabelInstruction instruction)
    {
        List<(string Name, string Value)> labels = ExpandPairs(stage, instruction.Labels);
        foreach ((string name, string value) in labels)
        {
            stage.Config.SetLabel(name, value);
        }

        stage.Record($"LABEL {string.Join(' ', labels.Select(label => $"{label.Name}={label.Value}"))}");
    }

    private List<(string Name, string Value)> ExpandPairs(LoweredStage stage, ImmutableArray<KeyValueWord> pairs)
    {
        var expanded = new List<(string, string)>(pairs.Length);
        foreach (KeyValueWord pair in pairs)
        {
            string value = pair.Value is null ? "" : _words.Expand(pair.Value, stage.Variables);
            expanded.Add((_words.Expand(pair.Key, stage.Variables), value));
        }

        return expanded;
    }

    private void LowerExpose(LoweredStage stage, ExposeInstruction instruction)
    {
        var ports = new List<string>();
        foreach (Word written in instruction.Ports)
        {
            foreach (string word in _words.ExpandToWords(written, stage.Variables))
            {
                try
                {
                    ports.AddRange(PortRange.Expand(word));
                }
                catch (FormatException failure)
                {
                    throw _words.Error(written.Span, $"expose \"{word}\": {failure.Message}", failure);
                }
            }
        }

        ports.Sort(StringComparer.Ordinal);
        stage.Config.AddPorts(ports);
        stage.Record($"EXPOSE [{string.Join(' ', ports)}]");
    }

    private void LowerVolume(LoweredStage stage, VolumeInstruction instruction)
    {
        ImmutableArray<string> paths = _words.Expand(instruction.Paths, stage.Variables);
        int empty = paths.IndexOf("");
        if (empty >= 0)
        {
            throw _words.Error(
                instruction.Paths[empty].Span, $"volume \"{instruction.Paths[empty]}\": the path is empty once expanded");
        }

        stage.Config.AddVolumes(paths);
        stage.Record($"VOLUME [{string.Join(' ', paths)}]");
    }

    private void LowerStopSignal(LoweredStage stage, StopSignalInstruction instruction)
    {
        string signal = _words.Expand(instruction.Signal, stage.Variables);
        if (!StopSignal.IsValid(signal))
        {
            throw _words.Error(
                instruction.Signal.Span,
                $"stop signal \"{signal}\": invalid signal",
                hint: "give a name such as SIGTERM or a number");
        }

        stage.Config.SetStopSignal(signal);
        stage.Record($"STOPSIGNAL {signal}");
    }

    private static void LowerHealthcheck(LoweredStage stage, HealthcheckInstruction instruction)
    {
        // The shell of CMD-SHELL is chosen when the probe runs: SHELL does not come into it.
        var check = new HealthCheck
        {
            Test = instruction.Command switch
            {
                null => ["NONE"],
                ExecForm exec => exec.Arguments.Insert(0, "CMD"),
                ShellForm shell => ["CMD-SHELL", shell.CommandLine],
                _ => throw new InvalidOperationException("a probe of an unknown form"),
            },
            Interval = instruction.Interval,
            Timeout = instruction.Timeout,
            StartPeriod = instruction.StartPeriod,
            StartInterval = instruction.StartInterval,
            Retries = instruction.Retries,
        };
        stage.Config.SetHealthCheck(check);
        string[] durations =
        [
            .. new[] { check.Interval, check.Timeout, check.StartPeriod, check.StartInterval }
                .Select(duration => $"\"{GoText.Duration(duration ?? TimeSpan.Zero)}\""),
        ];
        stage.Record($"HEALTHCHECK &{{{GoText.QuoteAll(check.Test)} {string.Join(' ', durations)} "
            + $"{GoText.QuoteCharacter(check.Retries ?? 0)}}}");
    }
}

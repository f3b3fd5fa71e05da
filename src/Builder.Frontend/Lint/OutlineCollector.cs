// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Expansion;
using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint;

/// <summary>
/// Gathers an <see cref="Outline"/>: the ARGs of the stages that the target needs, the global ARGs that their FROMs and
/// re-declarations use and those that these use in turn, and the mounts.
/// </summary>
internal sealed class OutlineCollector
{
    private readonly LintWalk _walk;
    private readonly Dictionary<string, OutlineArg> _args = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OutlineMount> _secrets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OutlineMount> _agents = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OutlineMount> _caches = new(StringComparer.Ordinal);
    private readonly Stage _target;

    public OutlineCollector(Dockerfile dockerfile, LintOptions options)
    {
        _walk = new LintWalk(dockerfile, options, CheckOptions.Default);
        _target = options.Target is { } name ? _walk.FindTarget(name) : dockerfile.Stages[^1];
    }

    public Outline Collect()
    {
        var states = new Dictionary<int, StageState>();
        foreach (Stage stage in _walk.Links.Reach(_target))
        {
            AddGlobals(stage.From);
            StageState? parent =
                _walk.Links.BaseOf(stage) is { } baseStage ? states.GetValueOrDefault(baseStage.Index) : null;
            var state = new StageState(
                stage, parent, image: null, isScratch: true, _walk.Options.TargetPlatform, _walk);
            foreach (Instruction instruction in _walk.Links.InstructionsOf(stage))
            {
                state.Apply(instruction);
                Add(instruction, state);
            }

            states[stage.Index] = state;
        }

        return new Outline
        {
            Source = _walk.Dockerfile.Source,
            Name = _target.Name ?? "",
            Description = Descriptions.Find(_target.From, _target.Name),
            Args = [.. _args.Values.OrderBy(arg => arg.Span.Start.Line).ThenBy(arg => arg.Span.Start.Column)],
            Secrets = InOrder(_secrets),
            Ssh = InOrder(_agents),
            Caches = InOrder(_caches),
        };
    }

    private static ImmutableArray<OutlineMount> InOrder(Dictionary<string, OutlineMount> mounts) =>
        [.. mounts.Values.OrderBy(mount => mount.Span.Start.Line).ThenBy(mount => mount.Name, StringComparer.Ordinal)];

    private void Add(Instruction instruction, StageState state)
    {
        if (instruction is ArgInstruction arg)
        {
            foreach (KeyValueWord definition in arg.Definitions)
            {
                if (definition.Value is null && FindGlobal(definition.Key.Text) is not null)
                {
                    AddGlobal(definition.Key.Text);
                }
                else
                {
                    Add(arg, definition, state.Variables.Find(definition.Key.Text) ?? "");
                }
            }
        }
        else if (instruction is RunInstruction run)
        {
            foreach (Word mount in run.Mounts)
            {
                Add(run, mount, state);
            }
        }
    }

    private void Add(RunInstruction run, Word word, StageState state)
    {
        RunMount mount;
        try
        {
            mount = RunMountParser.Parse(_walk.Expander.TryExpand(word.Text, state.Variables) ?? word.Text);
        }
        catch (FormatException)
        {
            return; // the build reports it
        }

        (Dictionary<string, OutlineMount>? into, string id) = mount.Type switch
        {
            RunMountType.Secret => (_secrets, mount.Id ?? FileName(mount.Target)),
            RunMountType.Ssh => (_agents, mount.Id ?? "default"),
            RunMountType.Cache => (_caches, mount.Id ?? mount.Target ?? ""),
            _ => (null, ""),
        };
        into?.TryAdd(id, new OutlineMount(id, mount.Required, run.Span));
    }

    private void AddGlobals(FromInstruction from)
    {
        ExpansionTrace trace = _walk.Expander.Trace(from.Image.Text + " " + from.Platform?.Text, _walk.Globals.Values);
        foreach (string name in trace.Used.Union(trace.Unmatched))
        {
            AddGlobal(name);
        }
    }

    private void AddGlobal(string name)
    {
        if (FindGlobal(name) is not var (arg, definition) || _args.ContainsKey(name))
        {
            return;
        }

        Add(arg, definition, _walk.Globals.Values.Find(name) ?? "");
        foreach (string other in _walk.Expander.Trace(definition.Value?.Text ?? "", _walk.Globals.Values).Used)
        {
            AddGlobal(other);
        }
    }

    private (ArgInstruction Arg, KeyValueWord Definition)? FindGlobal(string name)
    {
        foreach (ArgInstruction arg in _walk.Dockerfile.GlobalArgs.Reverse())
        {
            if (arg.Definitions.LastOrDefault(definition => definition.Key.Text == name) is { } definition)
            {
                return (arg, definition);
            }
        }

        return null;
    }

    private void Add(ArgInstruction arg, KeyValueWord definition, string value)
    {
        string name = definition.Key.Text;
        _args.TryAdd(name, new OutlineArg(name, value, Descriptions.Find(arg, name), definition.Key.Span));
    }

    private static string FileName(string? path) => path?[(path.LastIndexOf('/') + 1)..] ?? "";
}

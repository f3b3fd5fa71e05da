// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Expansion;
using Builder.Frontend.Instructions;
using Builder.Frontend.Naming;

namespace Builder.Frontend.Lint;

/// <summary>What is known at one point of a stage while a check walks through it.</summary>
internal sealed class StageState
{
    private readonly GlobalScope _globals;
    private readonly ImmutableDictionary<string, string> _buildArgs;
    private readonly WordExpander _expander;

    public StageState(
        Stage stage, StageState? parent, LintBaseImage? image, bool isScratch, Platform platform, LintWalk walk)
    {
        Stage = stage;
        Platform = platform;
        _globals = walk.Globals;
        _buildArgs = walk.Options.BuildArgs;
        _expander = walk.Expander;
        Variables = parent is null ? new LintScope() : new LintScope(parent.Variables);
        Declared = parent?.Declared ?? [];
        IsEnvironmentKnown = parent?.IsEnvironmentKnown ?? (isScratch || image is not null);
        HasShell = parent?.HasShell ?? image?.HasShell ?? false;
        IsWorkdirSet = parent?.IsWorkdirSet ?? false;
        BasePlatform = image?.Platform;
        if (parent is null)
        {
            Variables.Set("PATH", "");
        }

        foreach ((string name, string value) in image?.Environment ?? [])
        {
            Variables.Set(name, value);
        }
    }

    public Stage Stage { get; }

    /// <summary>What the stage is for: what its base is for, if that is a stage.</summary>
    public Platform Platform { get; }

    /// <summary>ENV and ARG values.</summary>
    public LintScope Variables { get; }

    /// <summary>The ARGs of this stage and of the stages below it, also those without a value.</summary>
    public ImmutableHashSet<string> Declared { get; private set; }

    /// <summary>False when a base image may have set variables that nobody told of.</summary>
    public bool IsEnvironmentKnown { get; }

    /// <summary>True after SHELL, here or in the base.</summary>
    public bool HasShell { get; private set; }

    /// <summary>True after any WORKDIR of this text.</summary>
    public bool IsWorkdirSet { get; private set; }

    /// <summary>The platform of the base image, when known.</summary>
    public Platform? BasePlatform { get; }

    /// <summary>Takes in what an instruction changes.</summary>
    public void Apply(Instruction instruction)
    {
        switch (instruction)
        {
            case ArgInstruction arg:
                foreach (KeyValueWord definition in arg.Definitions)
                {
                    Declare(definition);
                }

                break;
            case EnvInstruction env:
                (string Name, string? Value)[] values =
                [
                    .. env.Variables.Select(pair => (
                        Expand(pair.Key.Text) ?? pair.Key.Text, pair.Value is null ? "" : Expand(pair.Value.Text))),
                ];
                foreach ((string name, string? value) in values)
                {
                    Variables.Set(name, value ?? "");
                }

                break;
            case ShellInstruction:
                HasShell = true;
                break;
            case WorkdirInstruction:
                IsWorkdirSet = true;
                break;
        }
    }

    private void Declare(KeyValueWord definition)
    {
        string name = definition.Key.Text;
        Declared = Declared.Add(name);
        string? value = _buildArgs.TryGetValue(name, out string? given)
            ? given
            : definition.Value is { } word ? Expand(word.Text) : _globals.Values.Find(name);
        if (value is not null)
        {
            Variables.Set(name, value);
        }
    }

    private string? Expand(string word) => _expander.TryExpand(word, Variables);
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Frontend.Expansion;
using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint;

/// <summary>Which stage starts from which, and which take files from which, as far as the text tells.</summary>
internal sealed class StageLinks
{
    private readonly Dockerfile _dockerfile;
    private readonly string?[] _images;
    private readonly Stage?[] _bases;
    private readonly Dictionary<string, List<Stage>> _byName = new(StringComparer.OrdinalIgnoreCase);

    public StageLinks(Dockerfile dockerfile, WordExpander expander, GlobalScope globals)
    {
        _dockerfile = dockerfile;
        foreach (Stage stage in dockerfile.Stages)
        {
            if (stage.From.StageName is { } name)
            {
                if (!_byName.TryGetValue(name.Text, out List<Stage>? stages))
                {
                    _byName[name.Text] = stages = [];
                }

                stages.Add(stage);
            }
        }

        _images = [.. dockerfile.Stages.Select(stage => expander.TryExpand(stage.From.Image.Text, globals.Values))];
        _bases = [.. dockerfile.Stages.Select(stage => FindByName(_images[stage.Index], stage.Index))];
    }

    /// <summary>The expanded name after FROM; null when it cannot be expanded.</summary>
    public string? ImageOf(Stage stage) => _images[stage.Index];

    /// <summary>The earlier stage that it starts from, or null.</summary>
    public Stage? BaseOf(Stage stage) => _bases[stage.Index];

    /// <summary>The instructions with the ONBUILD triggers of a base stage in front.</summary>
    public IEnumerable<Instruction> InstructionsOf(Stage stage)
    {
        IEnumerable<Instruction> triggers = BaseOf(stage)?.Instructions.OfType<OnBuildInstruction>()
            .Select(onBuild => onBuild.Trigger with { IsFromOnBuild = true }) ?? [];
        return triggers.Concat(stage.Instructions);
    }

    /// <summary>The stage itself and all it needs, in the order of the text.</summary>
    public ImmutableArray<Stage> Reach(Stage target)
    {
        var reached = new SortedSet<int> { target.Index };
        for (int index = target.Index; index >= 0; index--)
        {
            if (!reached.Contains(index))
            {
                continue;
            }

            Stage stage = _dockerfile.Stages[index];
            if (BaseOf(stage) is { } baseStage)
            {
                reached.Add(baseStage.Index);
            }

            foreach (string name in InstructionsOf(stage).SelectMany(SourcesOf))
            {
                reached.UnionWith(Find(name, index));
            }
        }

        return [.. reached.Select(index => _dockerfile.Stages[index])];
    }

    /// <summary>The stage of this name or number, or null.</summary>
    public Stage? FindTarget(string name) =>
        FindByName(name, _dockerfile.Stages.Length) ?? FindByNumber(name, _dockerfile.Stages.Length);

    /// <summary>The values of --from and of from= in mounts, as written.</summary>
    public static IEnumerable<string> SourcesOf(Instruction instruction) => instruction switch
    {
        CopyInstruction { From: { } from } => [from.Text],
        RunInstruction run => run.Mounts.Select(mount => OptionOf(mount.Text, "from")).OfType<string>(),
        _ => [],
    };

    /// <summary>An option of a --mount value, read loosely: the value may still hold variables.</summary>
    public static string? OptionOf(string mount, string key)
    {
        foreach (string field in mount.Split(','))
        {
            if (field.StartsWith(key + "=", StringComparison.OrdinalIgnoreCase))
            {
                return field[(key.Length + 1)..];
            }
        }

        return null;
    }

    private IEnumerable<int> Find(string name, int before)
    {
        if (name.Contains('$', StringComparison.Ordinal))
        {
            return Enumerable.Range(0, before);
        }

        return (FindByName(name, before) ?? FindByNumber(name, before)) is { } stage ? [stage.Index] : [];
    }

    private Stage? FindByNumber(string name, int before) =>
        int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < before
            ? _dockerfile.Stages[index]
            : null;

    private Stage? FindByName(string? name, int before) =>
        name is not null && _byName.TryGetValue(name, out List<Stage>? stages)
            ? stages.FindLast(stage => stage.Index < before)
            : null;
}

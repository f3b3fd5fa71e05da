// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Frontend;
using Builder.Frontend.Instructions;
using Builder.Frontend.Naming;

namespace Builder.Solver.Lowering;

/// <summary>
/// Finds what the target needs: from it through FROM, <c>COPY --from</c>, mounts and the ONBUILD triggers of bases.
/// Stages out of reach are never looked at. Configs of base images are resolved at the same time; a stage waits only
/// for earlier ones, so that no cycle can arise.
/// </summary>
internal sealed class StageResolver
{
    private readonly Dockerfile _dockerfile;
    private readonly EnvironmentList _globals;
    private readonly Platform _platform;
    private readonly Platform _host;
    private readonly ImageResolver _images;
    private readonly LocatedExpander _words;
    private readonly StageVariables _variables;
    private readonly Dictionary<int, Task<ResolvedStage>> _stages = [];
    private readonly List<Instruction> _triggers = [];

    /// <summary>Creates a resolver for one platform.</summary>
    public StageResolver(
        Dockerfile dockerfile, BuildArguments arguments, EnvironmentList globals, Platform platform, Platform host,
        ImageResolver images)
    {
        _dockerfile = dockerfile;
        _globals = globals;
        _platform = platform;
        _host = host;
        _images = images;
        _words = new LocatedExpander(dockerfile);
        _variables = new StageVariables(arguments, globals, _words);
    }

    /// <summary>The triggers of all bases met so far.</summary>
    public ImmutableArray<Instruction> Triggers
    {
        get
        {
            lock (_triggers)
            {
                return [.. _triggers];
            }
        }
    }

    /// <summary>Finds the stage that <c>--target</c> means.</summary>
    /// <exception cref="SolveException">There is none.</exception>
    public static int FindTarget(Dockerfile dockerfile, string? target)
    {
        if (string.IsNullOrEmpty(target))
        {
            return dockerfile.Stages.Length - 1;
        }

        int found = FindStage(dockerfile, target, dockerfile.Stages.Length);
        if (found >= 0)
        {
            return found;
        }

        string[] names = [.. dockerfile.Stages.Select(stage => stage.Name).OfType<string>()];
        throw new SolveException($"target stage \"{target}\" could not be found")
        {
            Dockerfile = dockerfile.Source,
            Hint = Suggestion.For(target, names)
                ?? (names.Length == 0 ? "no stage has a name" : $"the stages are: {string.Join(", ", names)}"),
        };
    }

    /// <summary>Resolves a stage and everything it needs.</summary>
    public Task<ResolvedStage> ResolveAsync(int index, CancellationToken cancellationToken)
    {
        lock (_stages)
        {
            if (!_stages.TryGetValue(index, out Task<ResolvedStage>? task))
            {
                task = ResolveStageAsync(_dockerfile.Stages[index], cancellationToken);
                _stages.Add(index, task);
            }

            return task;
        }
    }

    private async Task<ResolvedStage> ResolveStageAsync(Stage stage, CancellationToken cancellationToken)
    {
        SourceSpan span = stage.From.Span;
        Platform platform = FindPlatform(stage.From) ?? _platform;
        if (stage.Name is { } name
            && await _images.FindNamedContextAsync(name, platform, cancellationToken) is { } replacement)
        {
            return Complete(stage, replacement, PlatformOf(replacement, platform), [], []);
        }

        // The sources are looked up while the base is, so that the configs of all images are fetched at the same time.
        var pending = new Dictionary<string, Task<FileSource>>(StringComparer.Ordinal);
        BeginSources(stage, stage.Instructions, pending, cancellationToken);
        FileSource source = await ResolveBaseAsync(stage, platform, cancellationToken);
        ImmutableArray<Instruction> triggers = FindTriggers(source, span);
        BeginSources(stage, triggers, pending, cancellationToken);
        ImmutableArray<Instruction> instructions = triggers.AddRange(stage.Instructions);
        BeginVariableSources(stage, source, instructions, pending, cancellationToken);
        var sources = new Dictionary<string, FileSource>(StringComparer.Ordinal);
        foreach ((string key, Task<FileSource> task) in pending)
        {
            sources.Add(key, await task);
        }

        return Complete(stage, source, PlatformOf(source, platform), instructions, triggers, sources);
    }

    private static ResolvedStage Complete(
        Stage stage,
        FileSource source,
        Platform platform,
        ImmutableArray<Instruction> instructions,
        ImmutableArray<Instruction> triggers,
        Dictionary<string, FileSource>? sources = null) =>
        new()
        {
            Stage = stage,
            DisplayName = stage.Name ?? string.Create(CultureInfo.InvariantCulture, $"stage-{stage.Index}"),
            Base = source,
            Platform = platform,
            Instructions = instructions,
            TriggerCount = triggers.Length,
            Sources = sources ?? [],
        };

    private static Platform PlatformOf(FileSource source, Platform wanted) =>
        source is StageSource { Stage.Platform: { } platform } ? platform : wanted;

    private static int FindStage(Dockerfile dockerfile, string name, int before)
    {
        for (int i = before - 1; i >= 0; i--)
        {
            if (string.Equals(dockerfile.Stages[i].Name, name, StringComparison.OrdinalIgnoreCase))
            {
                return i;
            }
        }

        return int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < before
            ? index
            : -1;
    }

    private Platform? FindPlatform(FromInstruction from)
    {
        if (from.Platform is null)
        {
            return null;
        }

        string text = _words.Expand(from.Platform, _globals);
        if (text.Length == 0)
        {
            throw _words.Error(from.Platform.Span, $"stage platform \"{from.Platform}\": it is empty once expanded");
        }

        try
        {
            return Platform.Parse(text, _host);
        }
        catch (FormatException failure)
        {
            throw _words.Error(from.Platform.Span, $"stage platform \"{text}\": {failure.Message}", failure);
        }
    }

    private async Task<FileSource> ResolveBaseAsync(
        Stage stage, Platform platform, CancellationToken cancellationToken)
    {
        string name = _words.Expand(stage.From.Image, _globals);
        if (name.Length == 0)
        {
            throw _words.Error(
                stage.From.Image.Span,
                $"base name ({stage.From.Image}) should not be blank",
                hint: "give the ARG before the first FROM a default, or pass --build-arg");
        }

        // A number is an image here, only --from counts stages; and so is a name in capitals: stages have none.
        for (int i = stage.Index - 1; i >= 0; i--)
        {
            if (_dockerfile.Stages[i].Name == name)
            {
                return new StageSource(await ResolveAsync(i, cancellationToken));
            }
        }

        return await _images.ResolveAsync(name, platform, _dockerfile, stage.From.Image.Span, cancellationToken);
    }

    private ImmutableArray<Instruction> FindTriggers(FileSource source, SourceSpan span)
    {
        (ImmutableArray<string> texts, string name) = source switch
        {
            ImageFileSource image => (image.Image.Config.OnBuild, image.Name),
            StageSource stage => (
                [.. stage.Stage.Instructions.OfType<OnBuildInstruction>().Select(onBuild => onBuild.TriggerText)],
                stage.Stage.DisplayName),
            _ => ([], ""),
        };
        if (texts.IsEmpty)
        {
            return [];
        }

        var triggers = new List<Instruction>();
        foreach (string text in texts)
        {
            // A trigger has no place of its own in this Dockerfile: what goes wrong in it is shown at its FROM.
            triggers.Add(DockerfileParser.ParseTrigger(text, name) with { Span = span });
        }

        lock (_triggers)
        {
            _triggers.AddRange(triggers);
        }

        return [.. triggers];
    }

    private void BeginSources(
        Stage stage,
        ImmutableArray<Instruction> instructions,
        Dictionary<string, Task<FileSource>> pending,
        CancellationToken cancellationToken)
    {
        foreach (Instruction instruction in instructions)
        {
            foreach ((string name, SourceSpan span) in From(instruction).Where(from => !HasVariable(from.Text)))
            {
                if (!pending.ContainsKey(name))
                {
                    pending.Add(name, ResolveSourceAsync(stage, name, span, cancellationToken));
                }
            }
        }
    }

    /// <summary>
    /// Sources that variables name: they are known when the base is, whose environment may set them. A value of
    /// <c>from</c> is looked up by its expanded text.
    /// </summary>
    private void BeginVariableSources(
        Stage stage,
        FileSource source,
        ImmutableArray<Instruction> instructions,
        Dictionary<string, Task<FileSource>> pending,
        CancellationToken cancellationToken)
    {
        if (!instructions.Any(instruction => From(instruction).Any(from => HasVariable(from.Text))))
        {
            return;
        }

        EnvironmentList scope = _variables.Begin(source);
        foreach (Instruction instruction in instructions)
        {
            _variables.Apply(scope, instruction);
            foreach ((string text, SourceSpan span) in From(instruction).Where(from => HasVariable(from.Text)))
            {
                string name = _words.Expand(text, span, scope);
                if (name.Length == 0)
                {
                    throw _words.Error(
                        span,
                        $"copy from \"{text}\": it is empty once expanded",
                        hint: "declare the variable in this stage (ARG NAME), and give it a default or pass --build-arg");
                }

                if (!pending.ContainsKey(name))
                {
                    pending.Add(name, ResolveSourceAsync(stage, name, span, cancellationToken));
                }
            }
        }
    }

    /// <summary>True for what means something only once its variables are known.</summary>
    public static bool HasVariable(string from) => from.Contains('$', StringComparison.Ordinal);

    private static IEnumerable<(string Text, SourceSpan Span)> From(Instruction instruction) => instruction switch
    {
        CopyInstruction { From: { } from } => [(from.Text, PlaceOf(instruction, from))],
        RunInstruction run => run.Mounts
            .Select(mount => (Text: MountFields.FindFrom(mount) ?? "", Span: PlaceOf(instruction, mount)))
            .Where(from => from.Text.Length > 0),
        _ => [],
    };

    // A trigger's words have no place of their own in this Dockerfile.
    private static SourceSpan PlaceOf(Instruction instruction, Word word) =>
        instruction.IsFromOnBuild ? instruction.Span : word.Span;

    private async Task<FileSource> ResolveSourceAsync(
        Stage stage, string name, SourceSpan span, CancellationToken cancellationToken)
    {
        int found = FindStage(_dockerfile, name, _dockerfile.Stages.Length);
        if (found == stage.Index)
        {
            throw _words.Error(span, $"circular dependency detected on stage: {stage.Name ?? name}");
        }

        if (found > stage.Index)
        {
            throw _words.Error(
                span,
                $"cannot copy from stage \"{name}\", it needs to be defined before current stage "
                + $"\"{stage.Name ?? string.Create(CultureInfo.InvariantCulture, $"stage-{stage.Index}")}\"");
        }

        if (found >= 0)
        {
            return new StageSource(await ResolveAsync(found, cancellationToken));
        }

        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            throw _words.Error(span, $"copy from \"{name}\": invalid stage index, the Dockerfile has "
                + $"{_dockerfile.Stages.Length} stages counted from 0");
        }

        return await _images.ResolveAsync(name, _platform, _dockerfile, span, cancellationToken);
    }
}

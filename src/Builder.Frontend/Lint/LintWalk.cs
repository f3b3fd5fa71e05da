// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Expansion;
using Builder.Frontend.Instructions;
using Builder.Frontend.Naming;

namespace Builder.Frontend.Lint;

/// <summary>One run over a Dockerfile: what the checks share, and where their findings go.</summary>
internal sealed class LintWalk
{
    private const string CommentPrefix = "check=";

    private readonly CheckOptions _checkOptions;
    private readonly List<Diagnostic> _findings = [];
    private readonly Dictionary<int, StageState> _states = [];

    public LintWalk(Dockerfile dockerfile, LintOptions options, CheckOptions checkOptions)
    {
        Dockerfile = dockerfile;
        Options = options;
        _checkOptions = checkOptions;
        Expander = new WordExpander(dockerfile.EscapeCharacter);
        Globals = GlobalScope.Create(dockerfile, options, Expander, withBuildArgs: true);
        DefaultGlobals = GlobalScope.Create(dockerfile, options, Expander, withBuildArgs: false);
        Links = new StageLinks(dockerfile, Expander, Globals);
    }

    public Dockerfile Dockerfile { get; }

    public LintOptions Options { get; }

    public WordExpander Expander { get; }

    /// <summary>What FROM sees.</summary>
    public GlobalScope Globals { get; }

    /// <summary>What FROM sees when no build arg is given.</summary>
    public GlobalScope DefaultGlobals { get; }

    public StageLinks Links { get; }

    /// <summary>A platform as written, or null.</summary>
    public Platform? TryParsePlatform(string text)
    {
        try
        {
            return Platform.Parse(text, Options.BuildPlatform);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>The stage that a target names.</summary>
    /// <exception cref="DockerfileException">There is none.</exception>
    public Stage FindTarget(string name) => Links.FindTarget(name) ?? throw new DockerfileException(
        Dockerfile.Source,
        [
            new Diagnostic
            {
                Severity = DiagnosticSeverity.Error,
                Code = SyntaxException.Code,
                Message = $"target stage \"{name}\" could not be found",
                Hint = Spelling.Hint(name, Dockerfile.Stages.Select(stage => stage.Name).OfType<string>()),
            },
        ]);

    /// <summary>Runs the checks; the findings in the order of the text, each once.</summary>
    public ImmutableArray<Diagnostic> Run(IReadOnlyList<LintCheck> checks)
    {
        foreach (LintCheck check in checks)
        {
            check.VisitFile(this);
        }

        foreach (Stage stage in StagesInDepth())
        {
            StageState state = Enter(stage);
            foreach (LintCheck check in checks)
            {
                check.VisitStage(this, state);
            }

            foreach (Instruction instruction in Links.InstructionsOf(stage))
            {
                foreach (LintCheck check in checks)
                {
                    check.Visit(this, state, instruction);
                }

                state.Apply(instruction);
            }

            _states[stage.Index] = state;
        }

        return
        [
            .. _findings.Distinct()
                .OrderBy(finding => finding.Span?.Start.Line ?? 0)
                .ThenBy(finding => finding.Span?.Start.Column ?? 0)
                .ThenBy(finding => finding.Code, StringComparer.Ordinal),
        ];
    }

    /// <summary>
    /// Reports a finding, unless the file's options or a comment right above <paramref name="scope"/> skip the rule.
    /// </summary>
    public void Report(LintRule rule, string message, SourceSpan? span, Instruction? scope = null, string? hint = null)
    {
        CheckOptions options = scope is null ? _checkOptions : _checkOptions.Merge(OptionsOf(scope));
        if (!options.Allows(rule))
        {
            return;
        }

        _findings.Add(new Diagnostic
        {
            Severity = options.IsError == true ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
            Code = rule.Name,
            Message = message,
            Span = span,
            Hint = hint ?? rule.Advice,
        });
    }

    /// <summary>Comments that say something: those with options for the checks left out.</summary>
    public static IEnumerable<string> DescriptionsOf(Instruction instruction) =>
        instruction.Comments.Where(comment => !comment.StartsWith(CommentPrefix, StringComparison.OrdinalIgnoreCase));

    private static CheckOptions OptionsOf(Instruction instruction)
    {
        CheckOptions options = CheckOptions.Default;
        foreach (string comment in instruction.Comments)
        {
            if (comment.StartsWith(CommentPrefix, StringComparison.OrdinalIgnoreCase))
            {
                try
                {
                    options = options.Merge(CheckOptions.Parse(comment[CommentPrefix.Length..]));
                }
                catch (FormatException)
                {
                    // It is only a comment: what does not read as options is not meant as such.
                }
            }
        }

        return options;
    }

    private ImmutableArray<Stage> StagesInDepth() =>
        Options.Target is { } name ? Links.Reach(FindTarget(name)) : Dockerfile.Stages;

    private StageState Enter(Stage stage)
    {
        StageState? parent = Links.BaseOf(stage) is { } baseStage ? _states.GetValueOrDefault(baseStage.Index) : null;
        string? image = Links.ImageOf(stage);
        bool isScratch = image == "scratch";
        Platform platform = parent?.Platform ?? PlatformOf(stage);
        LintBaseImage? known = parent is null && !isScratch && !string.IsNullOrEmpty(image)
            ? Options.FindBaseImage?.Invoke(image, platform)
            : null;
        return new StageState(stage, parent, known, isScratch, platform, this);
    }

    private Platform PlatformOf(Stage stage)
    {
        string? text = stage.From.Platform is { } word ? Expander.TryExpand(word.Text, Globals.Values) : null;
        return text is null ? Options.TargetPlatform : TryParsePlatform(text) ?? Options.TargetPlatform;
    }
}

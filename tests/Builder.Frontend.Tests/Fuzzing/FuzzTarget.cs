// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Expansion;
using Builder.Frontend.Ignore;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lint;
using Builder.Frontend.Lint.Peers;
using Builder.Frontend.Lint.Reports;
using Builder.Frontend.Naming;
using Builder.Frontend.Tests.Expansion;
using Builder.Frontend.Tests.Parsing;
using Xunit;

namespace Builder.Frontend.Tests.Fuzzing;

/// <summary>
/// Puts one text through everything in the Frontend that reads texts. Returns what it met (messages without the parts
/// that were quoted from the text), so that the fuzzer can tell new ground from old.
/// </summary>
internal static class FuzzTarget
{
    private static readonly DictionaryScope s_scope = new(new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["x"] = "value",
        ["y"] = "",
        ["foo"] = "a b *",
    });

    private static readonly LintOptions s_lintOptions = new()
    {
        BuildArgs = ImmutableDictionary<string, string>.Empty
            .Add(LintOptions.CheckBuildArg, "experimental=all").Add("x", "value"),
        Ignore = IgnoreMatcher.FromPatterns(["a*", "docs"]),
        FindBaseImage = (name, platform) => name.Length % 2 == 0 ? new LintBaseImage { Platform = platform } : null,
    };

    public static IEnumerable<string> Run(string text)
    {
        var met = new HashSet<string>(StringComparer.Ordinal);
        RunDockerfile(text, met);
        Meet(met, () => SyntaxTree.Print(new SourceText("Dockerfile", text)));
        RunWords(text, met);
        RunPatterns(text, met);
        RunNames(text, met);
        return met;
    }

    private static void RunDockerfile(string text, HashSet<string> met)
    {
        Dockerfile? dockerfile = null;
        Meet(met, () => dockerfile = DockerfileParser.Parse(new SourceText("Dockerfile", text)));
        if (dockerfile is null)
        {
            return;
        }

        string printed = DockerfilePrinter.Print(dockerfile);
        Dockerfile again = DockerfileParser.Parse(new SourceText("printed", printed));
        Assert.Equal(InstructionDump.Of(dockerfile, withPlaces: false), InstructionDump.Of(again, withPlaces: false));

        ImmutableArray<Diagnostic> findings = Linter.Check(dockerfile, s_lintOptions);
        met.UnionWith(findings.Select(finding => finding.Code));
        Meet(met, () => Linter.Check(dockerfile, new LintOptions { Target = "b" }));
        LintText.Write(dockerfile.Source, findings);
        LintJson.Write(dockerfile.Source, findings);
        LintSarif.Write(dockerfile.Source, findings, "0");
        Targets.Of(dockerfile).ToText();
        Targets.Of(dockerfile).ToJson();
        Outline outline = Outline.Of(dockerfile, s_lintOptions);
        outline.ToText();
        outline.ToJson();
        foreach (Peer peer in Enum.GetValues<Peer>())
        {
            met.UnionWith(Compatibility.Check(dockerfile, peer).Select(difference => difference.Feature));
        }

        foreach (Instruction instruction in dockerfile.Stages.SelectMany(stage => stage.Instructions))
        {
            met.Add(instruction.GetType().Name);
            RunInstruction(instruction, dockerfile.EscapeCharacter, met);
        }
    }

    private static void RunInstruction(Instruction instruction, char escape, HashSet<string> met)
    {
        if (instruction is OnBuildInstruction onBuild)
        {
            Meet(met, () => DockerfileParser.ParseTrigger(onBuild.TriggerText, "base"));
        }

        var expander = new WordExpander(escape);
        foreach (Word word in ExpandedWords.Of(instruction))
        {
            Meet(met, () => expander.Expand(word.Text, s_scope));
            if (instruction is RunInstruction)
            {
                Meet(met, () => RunMountParser.Parse(word.Text));
            }
        }
    }

    private static void RunWords(string text, HashSet<string> met)
    {
        foreach (char escape in @"\`")
        {
            var expander = new WordExpander(escape);
            Meet(met, () => expander.Expand(text, s_scope, new ExpansionTrace()));
            Meet(met, () => expander.ExpandToWords(text, s_scope));
            Meet(met, () => expander.ExpandHeredoc(text, s_scope));
        }

        Meet(met, () => RunMountParser.Parse(text));
        Meet(met, () => DockerfileParser.ParseTrigger(text, "base"));
    }

    private static void RunPatterns(string text, HashSet<string> met)
    {
        const int MaxPath = 4096;
        string[] lines = [.. text.Split('\n').Select(line => line.Length <= MaxPath ? line : line[..MaxPath])];
        Meet(met, () =>
        {
            var matcher = IgnoreMatcher.Parse(new SourceText(".dockerignore", text));
            foreach (string path in lines.Take(5).Append("a/b/c"))
            {
                bool isIgnored = matcher.IsIgnored(path);
                Assert.True(matcher.DecidingLine(path) is not null || !isIgnored);
                matcher.MayIncludeBelow(path);
            }
        });
        foreach (string line in lines.Take(20))
        {
            Meet(met, () => GlobPattern.Parse(line).IsMatch(lines[^1]));
            Meet(met, () => GlobPattern.ParseDeep(line).MayMatchBelow(lines[0]));
            LexicalPath.Clean(line);
        }
    }

    private static void RunNames(string text, HashSet<string> met)
    {
        Meet(met, () => ImageReference.Parse(text));
        Meet(met, () => Platform.Parse(text, new Platform { Os = "linux", Architecture = "amd64" }));
        Assert.Equal(Digest.TryParse(text, out Digest digest), !digest.IsDefault);
    }

    /// <summary>Runs an action that may fail with its own diagnostics and with nothing else.</summary>
    private static void Meet(HashSet<string> met, Action action)
    {
        try
        {
            action();
        }
        catch (DockerfileException failure)
        {
            Assert.NotEmpty(failure.Diagnostics);
            foreach (Diagnostic diagnostic in failure.Diagnostics)
            {
                Assert.NotEmpty(diagnostic.Message);
                met.Add(Template(diagnostic.Message));
            }
        }
        catch (FormatException failure)
        {
            // Most begin with the text that was wrong.
            met.Add(Template(failure.Message[(failure.Message.LastIndexOf(": ", StringComparison.Ordinal) + 1)..]));
        }
    }

    /// <summary>The first words of the message: what follows is often from the text and differs from run to run.</summary>
    private static string Template(string message)
    {
        const int MaxWords = 2;
        string letters = string.Concat(message.Split('"')[0].Where(c => char.IsAsciiLetter(c) || c == ' '));
        return string.Join(' ', letters.Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(MaxWords));
    }
}

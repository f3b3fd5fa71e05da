// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Frontend.Ignore;
using Builder.Frontend.Lint;
using Builder.Frontend.Naming;
using Builder.TestSupport;

namespace Builder.Frontend.Tests.Lint;

/// <summary>
/// A folder below testdata/dockerfiles/lint: Dockerfile, optionally .dockerignore and options (lines build-arg=K=V,
/// target=NAME, base=IMAGE [platform=P] [env=K=V]), and expected.txt with one finding a line.
/// </summary>
internal sealed record LintCase(string Folder)
{
    public static string Root { get; } = TestData.PathOf("dockerfiles", "lint");

    public string ExpectedPath => Path.Combine(Folder, "expected.txt");

    public string Run()
    {
        Dockerfile dockerfile = DockerfileParser.Parse(
            new SourceText("Dockerfile", File.ReadAllText(Path.Combine(Folder, "Dockerfile"))));
        return string.Concat(Linter.Check(dockerfile, ReadOptions()).Select(Format));
    }

    private static string Format(Diagnostic finding)
    {
        SourcePosition start = finding.Span?.Start ?? default;
        string severity = finding.Severity == DiagnosticSeverity.Error ? "error " : "";
        return string.Create(
            CultureInfo.InvariantCulture, $"{start.Line}:{start.Column} {severity}{finding.Code}: {finding.Message}\n");
    }

    private LintOptions ReadOptions()
    {
        var options = new LintOptions();
        string ignore = Path.Combine(Folder, ".dockerignore");
        if (File.Exists(ignore))
        {
            options = options with
            {
                Ignore = IgnoreMatcher.Parse(new SourceText(".dockerignore", File.ReadAllText(ignore))),
            };
        }

        string file = Path.Combine(Folder, "options");
        foreach (string line in File.Exists(file) ? File.ReadAllLines(file) : [])
        {
            (string key, string value) = Cut(line);
            options = key switch
            {
                "build-arg" => options with { BuildArgs = options.BuildArgs.Add(Cut(value).Key, Cut(value).Value) },
                "target" => options with { Target = value },
                "base" => options with { FindBaseImage = ReadBase(value) },
                _ => throw new InvalidDataException(line),
            };
        }

        return options;
    }

    private static Func<string, Platform, LintBaseImage?> ReadBase(string text)
    {
        string[] words = text.Split(' ');
        var image = new LintBaseImage();
        foreach (string word in words.Skip(1))
        {
            (string key, string value) = Cut(word);
            image = key == "platform"
                ? image with { Platform = Platform.Parse(value, new Platform { Os = "linux", Architecture = "amd64" }) }
                : image with { Environment = [KeyValuePair.Create(Cut(value).Key, Cut(value).Value)] };
        }

        return (name, _) => name == words[0] ? image : null;
    }

    private static (string Key, string Value) Cut(string text)
    {
        int separator = text.IndexOf('=', StringComparison.Ordinal);
        return (text[..separator], text[(separator + 1)..]);
    }
}

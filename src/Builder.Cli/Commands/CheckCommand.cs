// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;
using Builder.Cli.Building;
using Builder.Cli.CommandLine;
using Builder.Cli.Running;
using Builder.Frontend;
using Builder.Frontend.Ignore;
using Builder.Frontend.Lint;
using Builder.Frontend.Lint.Peers;

namespace Builder.Cli.Commands;

/// <summary><c>bld check</c>.</summary>
internal static class CheckCommand
{
    private static readonly string[] s_defaultNames = ["Dockerfile", "Containerfile"];

    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string?> path = OptionFactory.OptionalOperand("PATH", "A context or a Dockerfile (default '.')");
        Option<string?> file = OptionFactory.Text("--file", "FILE", "The Dockerfile (default: PATH/Dockerfile)", "-f");
        Option<string[]> buildArg = OptionFactory.List("--build-arg", "KEY[=VALUE]", "Set a build argument");
        Option<string?> target = OptionFactory.Text("--target", "STAGE", "Check what this stage needs");
        Option<string?> format = OptionFactory.Text("--format", "FORMAT", "plain, json or sarif");
        Option<string?> compat = OptionFactory.Text(
            "--compat", "PEER", "Show what buildkit, buildah or kaniko would do differently");
        Command command = new("check", "Check a Dockerfile without building it") { path, file, buildArg, target, format, compat };
        command.SetAction(parsed =>
        {
            (string name, string? context) = Locate(parsed.GetValue(path) ?? ".", parsed.GetValue(file));
            Dockerfile dockerfile = DockerfileParser.Parse(name == "-"
                ? new SourceText("-", cli.In.ReadToEnd())
                : DebugCommands.ReadText(name));
            LintOptions options = new()
            {
                BuildArgs = OptionValues.ParsePairs("--build-arg", parsed.GetValue(buildArg), cli.Variable)
                    .Aggregate(ImmutableDictionary<string, string>.Empty, (all, pair) => all.SetItem(pair.Key, pair.Value)),
                Target = parsed.GetValue(target),
                BuildPlatform = Platforms.Host,
                TargetPlatform = Platforms.Host,
                Ignore = ReadIgnore(name, context),
            };
            string wanted = parsed.GetValue(format) ?? "plain";
            return parsed.GetValue(compat) is { } peer
                ? WriteCompatibility(cli, dockerfile, peer, wanted)
                : CheckReport.WriteFindings(cli, dockerfile, options, wanted);
        });
        return command;
    }

    private static (string File, string? Context) Locate(string path, string? file)
    {
        if (file is not null)
        {
            return (file, Directory.Exists(path) ? path : null);
        }

        if (path == "-" || File.Exists(path))
        {
            return (path, Path.GetDirectoryName(path));
        }

        string? found = s_defaultNames.Select(name => Path.Combine(path, name)).FirstOrDefault(File.Exists);
        return (found ?? Path.Combine(path, s_defaultNames[0]), path);
    }

    private static IgnoreMatcher ReadIgnore(string dockerfile, string? context)
    {
        string[] candidates = context is null
            ? [dockerfile + ".dockerignore", dockerfile + ".containerignore"]
            :
            [
                dockerfile + ".dockerignore",
                dockerfile + ".containerignore",
                Path.Combine(context, ".containerignore"),
                Path.Combine(context, ".dockerignore"),
            ];
        string? found = candidates.FirstOrDefault(File.Exists);
        return found is null ? IgnoreMatcher.None : IgnoreMatcher.Parse(DebugCommands.ReadText(found));
    }

    private static int WriteCompatibility(CliContext cli, Dockerfile dockerfile, string peer, string format)
    {
        Peer other = Compatibility.FindPeer(peer)
            ?? throw new UsageException($"invalid argument \"{peer}\" for --compat")
            {
                Hint = "one of buildkit, buildah, kaniko",
            };
        ImmutableArray<PeerDifference> differences = Compatibility.Check(dockerfile, other);
        cli.Out.WriteLine((format == "json"
            ? Compatibility.ToJson(dockerfile.Source, other, differences)
            : Compatibility.ToText(dockerfile.Source, other, differences)).TrimEnd('\n'));
        return ExitCode.Success;
    }
}

// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Frontend;
using Builder.Frontend.Lint;
using Builder.Frontend.Naming;
using Builder.Solver.Images;
using Builder.Solver.Lowering;

namespace Builder.Solver;

/// <summary>
/// The checks of a Dockerfile that is being built: those of <c>bld check</c> for the stages that the target needs, with
/// what the base images say of themselves.
/// </summary>
internal static class BuildChecks
{
    /// <summary>The findings.</summary>
    /// <exception cref="SolveException">There are some, and <c>check=error=true</c> makes them errors.</exception>
    public static ImmutableArray<Diagnostic> Run(BuildRequest request, ResolvedStage target, Platform platform)
    {
        Dockerfile dockerfile = request.Dockerfile;
        var images = new Dictionary<(string Name, string Platform), ImageConfig>();
        Collect(target, images, []);
        var options = new LintOptions
        {
            BuildArgs = request.BuildArgs.Aggregate(
                ImmutableDictionary<string, string>.Empty, (all, given) => all.SetItem(given.Key, given.Value)),
            Target = request.Target ?? (dockerfile.Stages.Length - 1).ToString(CultureInfo.InvariantCulture),
            BuildPlatform = request.HostPlatform,
            TargetPlatform = platform,
            FindBaseImage = (name, wanted) => Find(images, name, wanted),
        };
        ImmutableArray<Diagnostic> findings = Linter.Check(dockerfile, options);
        return Linter.FailureMessage(findings) is { } failure
            ? throw new SolveException(failure)
            {
                Dockerfile = dockerfile.Source,
                Location = findings.First(finding => finding.Severity == DiagnosticSeverity.Error).Span,
                Hint = "\"bld check\" shows all of them; \"# check=error=true\" asks for this",
            }
            : findings;
    }

    private static void Collect(
        ResolvedStage stage, Dictionary<(string Name, string Platform), ImageConfig> images, HashSet<ResolvedStage> seen)
    {
        if (!seen.Add(stage))
        {
            return;
        }

        if (stage.Base is ImageFileSource image)
        {
            images[(image.Name, stage.Platform.ToString())] = image.Image.Config;
        }

        foreach (FileSource source in stage.Sources.Values.Append(stage.Base))
        {
            if (source is StageSource other)
            {
                Collect(other.Stage, images, seen);
            }
        }
    }

    private static LintBaseImage? Find(
        Dictionary<(string Name, string Platform), ImageConfig> images, string name, Platform platform)
    {
        bool isKnown = ImageReference.TryParse(name, out ImageReference? reference)
            & images.TryGetValue((reference?.ToString() ?? "", platform.ToString()), out ImageConfig? config);
        return !isKnown
            ? null
            : new LintBaseImage
            {
                Environment =
                [
                    .. config!.Env.Select(variable => variable.Split('=', 2))
                        .Select(pair => KeyValuePair.Create(pair[0], pair.Length > 1 ? pair[1] : "")),
                ],
                Platform = config.Platform,
                HasShell = !config.Shell.IsEmpty,
            };
    }
}

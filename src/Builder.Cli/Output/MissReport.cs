// SPDX-License-Identifier: Apache-2.0

using System.Text.RegularExpressions;
using Builder.Solver.Caching;
using Builder.Solver.Explaining;

namespace Builder.Cli.Output;

/// <summary>Tells why steps ran: <c>bld why</c> and <c>build --explain</c>.</summary>
internal static partial class MissReport
{
    private const int NameWidth = 60;
    private const int ShortDigest = 12;
    private const string Parent = "parent";

    /// <summary>Writes a line for each step of a trace, and below it the inputs that are not what they were.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="explainer">The explainer.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="withInputs">All inputs of each key, too.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static async Task WriteAsync(
        TextWriter writer, BuildExplainer explainer, IEnumerable<StepTrace> steps, bool withInputs,
        CancellationToken cancellationToken)
    {
        string? changed = null;
        foreach (StepTrace step in steps)
        {
            MissExplanation explanation = await explainer.ExplainAsync(step, cancellationToken);
            writer.WriteLine($"{Fit(step.Name)}  {Describe(explanation)}");
            foreach (InputDifference difference in explanation.Differences)
            {
                writer.WriteLine("    " + Describe(difference, changed));
            }

            if (withInputs)
            {
                writer.WriteLine($"    key {step.Key}");
                foreach (KeyInput input in await explainer.InputsAsync(step, cancellationToken))
                {
                    writer.WriteLine($"      {input.Name}: {input.Value.ReplaceLineEndings("\\n")}");
                }
            }

            changed = explanation.Reason == MissReason.Cached ? changed : step.Name;
        }
    }

    private static string Describe(MissExplanation explanation) => explanation.Reason switch
    {
        MissReason.Cached => "cached",
        MissReason.New => $"ran: no earlier build had it (line {explanation.Step.Line})",
        MissReason.InputsChanged => $"ran: inputs changed (line {explanation.Step.Line})",
        MissReason.ResultGone => "ran: its layer was removed from the store",
        _ => "ran: --no-cache",
    };

    private static string Describe(InputDifference difference, string? changed)
    {
        if (difference.Input == Parent)
        {
            return changed is null
                ? $"the base is another one: {Shorten(difference.Before ?? "none")} -> {Shorten(difference.After ?? "none")}"
                : $"the files below it changed: {changed}";
        }

        string values = difference switch
        {
            { Before: null } => $"new: {Shorten(difference.After!)}",
            { After: null } => $"gone, was: {Shorten(difference.Before)}",
            _ => $"{Shorten(difference.Before)} -> {Shorten(difference.After)}",
        };
        return difference.Input == StepKeys.Source
            ? $"the copied files changed: {values}"
            : $"{difference.Input}: {values}";
    }

    private static string Fit(string name) => HumanText.Truncate(name, NameWidth).PadRight(NameWidth);

    private static string Shorten(string value) =>
        Digests().Replace(value, digest => digest.Value[..("sha256:".Length + ShortDigest)]);

    [GeneratedRegex("sha256:[0-9a-f]{64}")]
    private static partial Regex Digests();
}

// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Frontend.Instructions;
using Builder.Solver.Graph;

namespace Builder.Solver.Lowering;

/// <summary>Names steps as BuildKit's plain progress does: <c>[build 2/5] RUN make</c>.</summary>
internal static class StepNames
{
    /// <summary>True for the instructions that are steps of their own.</summary>
    public static bool IsStep(Instruction instruction) =>
        instruction is RunInstruction or TransferInstruction or WorkdirInstruction;

    /// <summary>The origin of the next step of a stage.</summary>
    public static VertexOrigin Next(LoweringContext context, LoweredStage stage, Instruction instruction, string text)
    {
        stage.StepCount++;
        bool isTrigger = instruction.IsFromOnBuild;
        return new VertexOrigin(
            Prefix(context, stage) + (isTrigger ? "ONBUILD " : "") + text,
            text,
            stage.Head.Name,
            stage.StepCount,
            context.Words.Source,
            instruction.Span,
            stage.Head.NoCache);
    }

    /// <summary>The bracket before a step's text.</summary>
    public static string Prefix(LoweringContext context, LoweredStage stage)
    {
        string platform = context.ShowPlatform ? $"{stage.Platform} " : "";
        string name = stage.Head.Name.Length == 0 ? "" : stage.Head.Name + " ";
        string number = stage.StepCount.ToString(CultureInfo.InvariantCulture);
        string total = stage.Head.StepTotal.ToString(CultureInfo.InvariantCulture);
        return $"[{platform}{name}{number.PadLeft(total.Length)}/{total}] ";
    }

    /// <summary>What follows the keyword, as written.</summary>
    public static string ArgumentsOf(Instruction instruction)
    {
        string text = instruction.Text.TrimStart();
        return text.StartsWith(instruction.Keyword, StringComparison.OrdinalIgnoreCase)
            ? text[instruction.Keyword.Length..].Trim()
            : text;
    }

    /// <summary>The text of an instruction on one line, its keyword in capitals.</summary>
    public static string TextOf(Instruction instruction, string arguments) =>
        $"{instruction.Keyword.ToUpperInvariant()} {arguments}";
}

// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Ignore;
using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>
/// CopyIgnoredFile. Says nothing when the ignore file has negations: then an ignored directory may still have something
/// to copy in it.
/// </summary>
internal sealed class CopyIgnoredCheck : LintCheck
{
    public override void Visit(LintWalk walk, StageState state, Instruction instruction)
    {
        IgnoreMatcher ignore = walk.Options.Ignore;
        bool isFromContext = instruction is AddInstruction or CopyInstruction { From: null };
        if (!isFromContext || ignore.HasNegations || ignore.IsEmpty)
        {
            return;
        }

        var transfer = (TransferInstruction)instruction;
        foreach (Word word in transfer.Sources)
        {
            string? source = walk.Expander.TryExpand(word.Text, state.Variables);
            if (source is null || IsRemote(transfer, source))
            {
                continue;
            }

            string path = LexicalPath.Clean(source);
            string relative = path.TrimStart('/');
            if (relative.Length > 0 && ignore.IsIgnored(relative))
            {
                string verb = transfer is AddInstruction ? "Add" : "Copy";
                walk.Report(
                    LintRules.CopyIgnoredFile,
                    $"Attempting to {verb} file \"{path}\" that is excluded by .dockerignore",
                    word.Span,
                    transfer,
                    ignore.DecidingLine(relative) is { } line ? $"line {line} of the ignore file excludes it" : null);
            }
        }
    }

    private static bool IsRemote(TransferInstruction transfer, string source) =>
        transfer is AddInstruction
        && (source.Contains("://", StringComparison.Ordinal) || source.StartsWith("git@", StringComparison.Ordinal));
}

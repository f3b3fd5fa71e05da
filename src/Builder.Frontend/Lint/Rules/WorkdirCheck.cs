// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Rules;

/// <summary>
/// WorkdirRelativePath: only the first WORKDIR counts, because fixing it fixes those that build on it. The base image's
/// own does not help: it may change.
/// </summary>
internal sealed class WorkdirCheck : LintCheck
{
    public override void Visit(LintWalk walk, StageState state, Instruction instruction)
    {
        if (instruction is not WorkdirInstruction workdir || state.IsWorkdirSet)
        {
            return;
        }

        // A value that cannot be expanded here, or comes from an unknown base image, is not judged.
        string? path = walk.Expander.TryExpand(workdir.Path.Text, state.Variables);
        bool isUnknown = path is null
            || (!state.IsEnvironmentKnown && workdir.Path.Text.StartsWith('$') && !path.StartsWith('/'));
        if (!isUnknown && !path!.StartsWith('/'))
        {
            walk.Report(
                LintRules.WorkdirRelativePath,
                $"Relative workdir \"{path}\" can have unexpected results if the base image changes",
                workdir.Path.Span,
                workdir);
        }
    }
}
